/* SPDX-License-Identifier: MIT */
/*
 * test_pool_calls.c - around calls that block: none is a cancellation point, none waits for its own
 * caller, none waits for a thread that ended, and none takes a lock from a thread that lives.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "works.h"

#include <roost/serve.h>

static int set_up(void **state)
{
	(void)state;
	works_open();
	pool_hang_says("a call does not return\n");
	alarm(20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	calls_hook = NULL;
	calls_refused = 0;
	pool_close(pool);
	return 0;
}

static void *recover(void *arg)
{
	(void)arg;
	roost_pool_recover(pool);
	return NULL;
}

static void *serve(void *arg)
{
	char path[64];

	(void)arg;
	snprintf(path, sizeof(path), "/tmp/roost-test-calls-%d.sock", (int)getpid());
	if (!roost_pool_serve(path))
		roost_pool_serve_stop();
	return NULL;
}

/* It fails, after some rounds. */
static void *wait_for_memory(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 16; i++)
		roost_pool_free(roost_pool_alloc(pool, LIMIT, ROOST_WAIT));
	return NULL;
}

/* ---- Cancellation -------------------------------------------------------------------------- */

static _Atomic unsigned seen, cancelable;
static _Thread_local bool is_called;

static void is_it_off(const char *name, bool done)
{
	int before;

	(void)name;
	(void)done;
	if (!is_called)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	/* What syscall() does is no cancellation point. */
	cancelable += before != PTHREAD_CANCEL_DISABLE && strcmp(name, "syscall") != 0;
	pthread_setcancelstate(before, NULL);
	seen++;
}

struct canceled {
	void *(*work)(void *arg);
	int type;
	bool returned;
};

static void *run_canceled(void *arg)
{
	struct canceled *canceled = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(canceled->type, NULL);
	/* Pending before the call; or, where it would act at once, from inside of it. */
	if (canceled->type == PTHREAD_CANCEL_DEFERRED) {
		pthread_cancel(pthread_self());
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	}
	is_called = true;
	canceled->work(NULL);
	is_called = false;
	canceled->returned = true;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	return NULL;
}

static void not_canceled(void *(*work)(void *))
{
	struct canceled canceled = {.work = work, .type = PTHREAD_CANCEL_DEFERRED};
	pthread_t thread;
	void *result;

	calls_hook = is_it_off;
	seen = 0;
	assert_int_equal(pthread_create(&thread, NULL, run_canceled, &canceled), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(canceled.returned);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_true(seen > 0);
	assert_int_equal(cancelable, 0);
	calls_hook = NULL;
	work(NULL); /* no lock was left */
}

static void *(*const calls[])(void *) = {works_trim, works_resize, recover, works_come_and_go,
					 serve};

static void no_cancellation_points(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4; round++)
		for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			works_free_pages();
			not_canceled(calls[i]);
		}
}

/* They sleep until another thread is through with it. */
static void not_while_they_wait(void **state)
{
	static const struct {
		void *(*holds)(void *), *(*waits)(void *);
	} pairs[] = {{works_trim, works_trim},
		     {works_resize, works_resize},
		     {works_trim, recover},
		     {works_resize, recover},
		     {works_come_and_go, works_come_and_go},
		     {works_come_and_go, serve},
		     {works_resize, wait_for_memory}};

	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct canceled canceled = {.work = pairs[i].waits,
					    .type = PTHREAD_CANCEL_DEFERRED};
		struct parking parking = {.work = pairs[i].holds, .at = 3};
		pthread_t thread;
		void *result;

		works_free_pages();
		assert_true(calls_park(&parking));
		calls_hook = is_it_off;
		seen = 0;
		assert_int_equal(pthread_create(&thread, NULL, run_canceled, &canceled), 0);
		while (seen < 20 && !canceled.returned)
			sched_yield();
		calls_unpark(&parking);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_true(canceled.returned);
		assert_int_equal(cancelable, 0);
		calls_hook = NULL;
		pairs[i].waits(NULL);
	}
}

/* ---- Locks --------------------------------------------------------------------------------- */

/* What no handler may do, and what is to be found. */
static void call_on_top(int signal)
{
	if (signal == SIGTRAP)
		roost_pool_trim(pool); /* NOLINT(bugprone-signal-handler) */
	else
		roost_pool_resize(pool, LIMIT); /* NOLINT(bugprone-signal-handler) */
}

static int on_top_by;

static void raise_once(const char *name, bool done)
{
	if (done || (strcmp(name, "madvise") != 0 && strcmp(name, "mprotect") != 0))
		return;
	calls_hook = NULL;
	raise(on_top_by);
}

/* Would wait for itself forever: it says so, and which call it was. The handlers are those of
 * synchronous signals, which nobody blocks. */
static void own_lock_is_fatal(void **state)
{
	static const struct {
		int signal;
		void *(*below)(void *);
		const char *name;
	} cases[] = {{SIGTRAP, works_trim, "roost_pool_trim()"},
		     {SIGSYS, works_resize, "roost_pool_resize()"}};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512] = "";
		int status, out[2];
		pid_t child;

		works_free_pages();
		assert_int_equal(pipe(out), 0);
		child = fork();
		if (!child) {
			alarm(10);
			dup2(out[1], STDERR_FILENO);
			signal(SIGABRT, SIG_DFL);
			signal(cases[i].signal, call_on_top);
			on_top_by = cases[i].signal;
			calls_hook = raise_once;
			cases[i].below(NULL);
			_exit(0);
		}
		close(out[1]);
		assert_true(read(out[0], text, sizeof(text) - 1) > 0);
		close(out[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_non_null(strstr(text, cases[i].name));
	}
}

/* A thread ends in the middle: the next thread repairs what it left. */
static _Thread_local bool is_to_end;

static void end_once(const char *name, bool done)
{
	if (is_to_end && done && (!strcmp(name, "madvise") || !strcmp(name, "mprotect")))
		pthread_exit(NULL);
}

static void *end_in(void *arg)
{
	is_to_end = true;
	((void *(*)(void *))arg)(NULL);
	return "came back";
}

static void holders_that_ended(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		void *(*work)(void *) = i & 1 ? works_resize : works_trim;
		struct roost_pool_info info;
		pthread_t thread;
		void *result, *block;

		works_free_pages();
		calls_hook = end_once;
		assert_int_equal(pthread_create(&thread, NULL, end_in, (void *)work), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_null(result);
		calls_hook = NULL;
		/* Also a call that waits for memory. */
		if (i & 2) {
			block = roost_pool_alloc(pool, PAGE, ROOST_WAIT);
			assert_non_null(block);
			roost_pool_free(block);
		}
		work(NULL);
		assert_int_equal(roost_pool_recover(pool), 0);
		assert_int_equal(roost_pool_resize(pool, LIMIT), 0);
		roost_pool_info(pool, &info);
		assert_int_equal(info.size, LIMIT);
		assert_int_equal(info.used, 0);
		assert_int_equal(roost_validate(roost_pool_frames(pool), NULL), 0);
	}
}

static void *resize_and_leave(void *arg)
{
	alarm(10);
	calls_hook = NULL;
	_exit(roost_pool_resize(arg, LIMIT) ? 1 : 0);
}

static pthread_t next;

static void end_first(const char *name, bool done)
{
	if (!is_to_end || !done || (strcmp(name, "madvise") != 0 && strcmp(name, "mprotect") != 0))
		return;
	pthread_create(&next, NULL, resize_and_leave, pool);
	pthread_exit(NULL);
}

/* Of the process's first thread the kernel keeps the number until the process ends. */
static void a_first_thread_that_ended(void **state)
{
	int status;
	pid_t child;

	(void)state;
	works_free_pages();
	child = fork();
	if (!child) {
		is_to_end = true;
		calls_hook = end_first;
		works_resize(NULL);
		_exit(2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* However long it takes. */
static _Atomic unsigned rounds;

static void count_rounds(const char *name, bool done)
{
	rounds += !done && !strcmp(name, "nanosleep");
}

static void *recovered_by;

static void *recover_and_say(void *arg)
{
	roost_pool_recover(pool);
	recovered_by = arg;
	return NULL;
}

static void living_holders_keep_it(void **state)
{
	void *(*const holders[])(void *) = {works_trim, works_resize};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct parking parking = {.work = holders[i], .at = 3};
		pthread_t thread;

		works_free_pages();
		assert_true(calls_park(&parking));
		rounds = 0;
		recovered_by = NULL;
		calls_hook = count_rounds;
		assert_int_equal(pthread_create(&thread, NULL, recover_and_say, &parking), 0);
		/* It gave up after 1024 of them. */
		while (rounds < 1200 && !recovered_by)
			usleep(1000);
		assert_null(recovered_by);
		calls_hook = NULL;
		calls_unpark(&parking);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_ptr_equal(recovered_by, &parking);
	}
}

/* Where gettid(2) is forbidden: no thread takes another one for itself, or for one that ended. */
static void living_holders_without_numbers_keep_it(void **state)
{
	calls_refused = SYS_gettid;
	living_holders_keep_it(state);
	calls_refused = 0;
}

static atomic_uint seen_blocked, seen_open;

static bool grows; /* the pool, by allocations */

/* Of the calls by which memory comes and goes; their caller holds a lock, unless it grows the pool
 * for an allocation: nobody waits for that. */
static void look_at_signals(const char *name, bool done)
{
	sigset_t now;

	if (done || (strcmp(name, "madvise") != 0 && (grows || strcmp(name, "mprotect") != 0)))
		return;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	if (sigismember(&now, SIGUSR1))
		seen_blocked++;
	else
		seen_open++;
}

/*
 * Others wait for a holder of these locks, perhaps under a lock that a handler of the holder wants.
 * So no handler comes on top of one.
 */
static void holders_have_signals_blocked(void **state)
{
	sigset_t now;

	(void)state;
	works_free_pages();
	calls_hook = look_at_signals;
	works_trim(NULL);
	assert_true(seen_blocked > 0);
	works_resize(NULL);
	calls_hook = NULL;
	assert_int_equal(seen_open, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	assert_false(sigismember(&now, SIGUSR1));
}

/* An allocation's step of a trim. */
static void allocations_too(void **state)
{
	struct roost_pool_config config = pool_config(LIMIT, NULL);
	unsigned before = seen_blocked;

	(void)state;
	pool_close(pool);
	config.initial = 2 * MIB;
	config.step = 2 * MIB;
	config.decay_ms = 1;
	config.pages = ROOST_PAGES_NO_THP;
	pool = pool_open(&config);
	grows = true;
	calls_hook = look_at_signals;
	for (unsigned i = 0; i < 8; i++) {
		works_free_pages();
		usleep(3000);
	}
	calls_hook = NULL;
	assert_true(seen_blocked > before + 2);
	assert_int_equal(seen_open, 0);
}

/* ---- Giving back --------------------------------------------------------------------------- */

static _Atomic unsigned advised, asked;

static void count_them(const char *name, bool done)
{
	if (done)
		return;
	atomic_fetch_add(&advised, !strcmp(name, "madvise"));
	atomic_fetch_add(&asked, !strcmp(name, "mincore"));
}

/* An allocation gives back what is due without asking what has memory; what it gave is counted. */
static void allocations_do_not_ask(void **state)
{
	enum { BLOCKS = 64, BLOCK = 64 * PAGE };
	struct roost_pool_config config = pool_config(16 * MIB, NULL);
	struct roost_pool_info info;
	static char *blocks[BLOCKS];
	roost_pool_t *short_lived;

	(void)state;
	config.decay_ms = 1;
	short_lived = pool_open(&config);
	for (unsigned i = 0; i < BLOCKS; i++)
		memset(blocks[i] = pool_get(short_lived, BLOCK), 1, BLOCK);
	for (unsigned i = 0; i < BLOCKS; i++)
		roost_pool_free(blocks[i]);
	asked = advised = 0;
	calls_hook = count_them;
	for (unsigned i = 0; i < 20; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		for (unsigned j = 0; j < 256; j++)
			roost_pool_free(pool_get(short_lived, PAGE));
	}
	calls_hook = NULL;
	assert_int_equal(asked, 0);
	assert_int_not_equal(advised, 0);
	roost_pool_info(short_lived, &info);
	assert_in_range(info.given_back, BLOCKS / 2 * BLOCK, 2 * BLOCKS * BLOCK);
	pool_close(short_lived);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_cancellation_points, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_while_they_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own_lock_is_fatal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holders_that_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_first_thread_that_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(living_holders_keep_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(living_holders_without_numbers_keep_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(holders_have_signals_blocked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(allocations_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(allocations_do_not_ask, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("pool_calls", tests, NULL, NULL);
}

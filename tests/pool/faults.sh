#!/bin/sh
# SPDX-License-Identifier: MIT
#
# No system call of the pool or its port escapes faults.c:
#
#	tests/pool/faults.sh LIBRARY
#
# What the library (static) takes from the C library is in faults.h, or here, for one of these
# reasons: it is none; it does not fail; it only ever comes before abort().
set -eu
none='__errno_location memset memcpy memcmp strlen strchr strncpy strtoul strtol strrchr strncmp strstr strerror snprintf vsnprintf fprintf qsort
	sigfillset sigemptyset sigaddset sigdelset program_invocation_short_name stderr sysconf secure_getenv pthread_atfork
	pthread_setcancelstate pthread_condattr_init pthread_condattr_setclock pthread_condattr_destroy
	__rseq_offset __rseq_size __popcountdi2 _GLOBAL_OFFSET_TABLE_ __stack_chk_fail sem_init sem_destroy
	AnnotateIgnoreReadsBegin AnnotateIgnoreReadsEnd AnnotateIgnoreWritesBegin AnnotateIgnoreWritesEnd
	numa_available numa_max_node numa_node_of_cpu'
fine='clock_gettime getpid getrlimit sched_getcpu uname sscanf syscall pthread_sigmask pthread_kill pthread_join
	pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_mutex_destroy pthread_cond_init
	pthread_cond_signal pthread_cond_timedwait pthread_cond_destroy pthread_once sem_post'
last='abort write'
status=0

here=$(dirname "$0")
known=$(sed -n 's/^\tX(\([a-z0-9_]*\),.*/\1/p' "$here/faults.h")
for name in $(nm -u "$1" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u | grep -v '^ro*st_'); do
	case " $(echo $known $none $fine $last) " in *" $name "*) continue ;; esac
	echo "faults: $name: a call that no test lets fail; see tests/pool/faults.h" >&2
	status=1
done
[ -n "$known" ] || status=1
exit $status

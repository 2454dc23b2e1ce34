# SPDX-License-Identifier: MIT
# The front door. Everything is done by CMake; this knows the order and what must be installed.

BUILD ?= build
PREFIX ?= /usr/local
# Recipes take these two from the shell's variables, in quotes: there may be blanks in them.
export BUILD PREFIX
# One more at a time than there are processors: some wait for most of their time.
CTEST = ctest --output-on-failure --no-tests=error -j $(shell echo $$(($$(nproc) + 1)))
# Warnings are errors in CI alone, which says ROOST_WERROR=ON.
CONFIGURE = cmake -G Ninja -Wno-dev -DROOST_WERROR=$(or $(ROOST_WERROR),OFF) -DROOST_TOOL=ON -S .
QUIET = > /dev/null

.PHONY: help lib build install-lib install run docs test test-plain test-asan test-tsan test-long bench stress oracle explore models tutorial mutants \
	aarch64 pool-guest fuzz kernel-example linux-module linux-test linux-test-quick linux-bench linux-conformance linux-conformance-baseline cross lint format clean

help:
	@echo "Build and install"
	@echo "  make lib             Build only the library: needs a C compiler, make, cmake and ninja"
	@echo "  make build           Build the library and the tool, in $(BUILD)/"
	@echo "  make install-lib     Install the library, headers and manual into PREFIX=/usr/local, below DESTDIR"
	@echo "  make install         Install the tool as well"
	@echo "  make docs            Make a web site of the documentation, manual and headers: out/site"
	@echo "  make lint            clang-tidy with its analyzer on all sources: minutes"
	@echo "  make format          Format the sources"
	@echo "  make clean           Remove the build directories"
	@echo "Look at it"
	@echo "  make run             Show the lab: a deadlock, its fixes, the page traffic of a real kernel"
	@echo "  make bench           Measure roost beside other allocators, half an hour on a quiet machine:"
	@echo "                       out/bench.json, out/bench.svg (BENCH=\"--compare=old.json\")"
	@echo "Test"
	@echo "  make test            Run all tests: plain, with address and undefined, and with thread sanitizer"
	@echo "  make test-long       Run what make test only samples, to its end: hours (CONTRIBUTING.md)"
	@echo "  make stress          Stress each engine and free path for 10 minutes (SECONDS=600)"
	@echo "  make tutorial        Run the hour in docs/lab.md, and compare what it prints"
	@echo "  make oracle          Check random calls against brute force (HOURS= or SECONDS=600)"
	@echo "  make explore         Explore all scenarios for 30 seconds each (DEPTH=30), or all in HOURS=1"
	@echo "  make models          Search the models of the protocols to the end: minutes"
	@echo "  make mutants         Break an engine and see which faults the tests notice (ENGINE=sets,"
	@echo "                       SAMPLE=300, SEED=)"
	@echo "  make fuzz            Fuzz every call and every reader of input for a minute each (SECONDS=,"
	@echo "                       TARGET=text, ENGINE=sets, AFL=1); inputs that fail: out/fuzz"
	@echo "Other machines, under QEMU"
	@echo "  make aarch64         Test the sequences of aarch64, with and without atomic instructions"
	@echo "                       (TESTS=_real for more)"
	@echo "  make cross           Run tests on aarch64, riscv64 and 32-bit Arm, in user emulation"
	@echo "  make pool-guest      Test the pool on NUMA nodes and reserved huge pages"
	@echo "  make kernel-example  Run the example kernel on aarch64 and riscv64"
	@echo "roost.ko, the Linux module"
	@echo "  make linux-module    Build it for the kernel that runs here (LINUX=build tree, ENGINE=pcpbuddy)"
	@echo "  make linux-test      Test it in virtual machines (lockdep, KASAN, PREEMPT_RT, one CPU), then run"
	@echo "                       linux-bench: an hour, and half an hour more to build the kernels once"
	@echo "  make linux-test-quick  Test it on Debian's own kernel: minutes"
	@echo "  make linux-bench     Measure it beside alloc_pages() in a guest: instructions, locks, ratios"
	@echo "Linux's own page allocator"
	@echo "  make linux-conformance  Test alloc_pages() and its frees in virtual machines, and see that planted faults"
	@echo "                       are found (KERNEL=build trees or names, PATTERN=tests): minutes; docs/conformance.md"
	@echo "  make linux-conformance-baseline  Measure it: instructions, locks, atomics, huge pages after churn, beside"
	@echo "                       published columns (KERNEL=, REFERENCE=debian-6.12): minutes for each kernel"
	@echo "Each installs the Debian packages that are missing; NO_INSTALL=1 prints the command instead."

lib:
	@scripts/deps lib
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TOOL=OFF -DROOST_TESTS=OFF -DCMAKE_INSTALL_PREFIX="$$PREFIX" $(QUIET)
	@cmake --build "$$BUILD"

build:
	@scripts/deps build
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TESTS=OFF -DCMAKE_INSTALL_PREFIX="$$PREFIX" $(QUIET)
	@cmake --build "$$BUILD"

install: build
	@cmake --install "$$BUILD"

install-lib: lib
	@cmake --install "$$BUILD"

run:
	@scripts/run "$$BUILD"

docs:
	@scripts/docs

test: test-plain test-asan test-tsan
	@scripts/test-summary "$$BUILD" "$$BUILD-asan" "$$BUILD-tsan"

test-plain:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TESTS=ON $(QUIET)
	@cmake --build "$$BUILD"
	cd "$$BUILD" && $(CTEST)

# With a sanitizer the library is built once less: the shared one is compiled of the same sources.
test-asan:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD-asan" -DROOST_SANITIZE=address,undefined -DBUILD_SHARED_LIBS=OFF $(QUIET)
	@cmake --build "$$BUILD-asan"
	cd "$$BUILD-asan" && $(CTEST)

test-tsan:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD-tsan" -DROOST_SANITIZE=thread -DBUILD_SHARED_LIBS=OFF $(QUIET)
	@cmake --build "$$BUILD-tsan"
	cd "$$BUILD-tsan" && $(CTEST)

# The depth that make test leaves out, for a night. Every part runs, and the first that fails is named at the end.
test-long:
	@failed=; for part in models oracle tutorial stress "explore DEPTH=30" "fuzz SECONDS=660" lint "mutants SAMPLE=all"; do \
		echo "== $$part"; $(MAKE) --no-print-directory $$part || failed="$$failed, $${part%% *}"; \
	done; [ -z "$$failed" ] || { echo "failed: $${failed#, }" >&2; exit 1; }

# A build of its own, without what the tests need. The name goes into the report.
bench:
	@scripts/deps bench
	@$(CONFIGURE) -B "$$BUILD-bench" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" \
		-DROOST_TESTS=OFF $(QUIET)
	@cmake --build "$$BUILD-bench"
	@mkdir -p out
	"$$BUILD-bench/roost" bench --json=out/bench.json --output=out/bench.svg $(BENCH)

# Each must report at least 100,000 handlers on top of a pcp lock holder (with sets: of a context
# that moves frames) and every rung used.
SECONDS ?= 600
stress: test-plain
	"$$BUILD/tests/stress_sets" --expect-all --hz=24000 --seconds=$(SECONDS)
	"$$BUILD/tests/stress_pcpbuddy" --expect-all --free=trylock --seconds=$(SECONDS)
	"$$BUILD/tests/stress_pcpbuddy" --expect-all --free=llist --seconds=$(SECONDS)

oracle:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TESTS=ON $(QUIET)
	@cmake --build "$$BUILD" -t oracle_sets oracle_pcpbuddy oracle_counted cache_oracle
	@for run in virtual:oracle_sets virtual:oracle_pcpbuddy virtual:oracle_counted real:oracle_sets virtual:cache_oracle real:cache_oracle; do \
		echo "$${run#*:}, $${run%:*} CPUs:"; \
		ROOST_TEST_CPUS=$${run%:*} "$$BUILD/tests/$${run#*:}" \
			--seconds=$$(($(if $(HOURS),$(HOURS) * 3600,$(SECONDS)) / 6)) || exit; \
	done

DEPTH ?= 30
explore: build
	@mkdir -p out
	for engine in sets pcpbuddy; do \
		"$$BUILD/roost" explore --engine=$$engine --save=out lab/scenarios/*.scn \
			$(if $(HOURS),--total=$$(($(HOURS) * 1800)),--seconds=$(DEPTH)) || exit; \
	done

models:
	@scripts/deps test
	docs/models/check

tutorial: build
	@scripts/deps test
	tests/package/console.sh "$$BUILD" docs/lab.md "An hour in the lab" 1

# About half an hour on two CPUs; SAMPLE=all takes two hours. The seed is printed.
SAMPLE ?= 300
ENGINE ?= sets
mutants:
	@scripts/deps mutants
	@mkdir -p out
	@scripts/mutants --engine $(ENGINE) --sample $(SAMPLE) $(if $(SEED),--seed $(SEED)) \
		--json out/mutants-$(ENGINE).json

# SECONDS of each driver; TARGET: api, config, pool, serve, answer, text, dat, scenario, boot; ENGINE: of api and
# config. What shows something is left in out/fuzz.
given = $(if $(filter command environment,$(firstword $(origin $(1)))),$($(1)))
fuzz:
	@scripts/deps fuzz
	@scripts/fuzz --seconds=$(or $(call given,SECONDS),60) --engine=$(call given,ENGINE) $(if $(AFL),--afl) $(TARGET)

# Minutes: the processor is emulated. Two kinds of atomic instructions, two numbers of CPUs.
aarch64:
	scripts/aarch64 neoverse-n1 4 '$(TESTS)'
	scripts/aarch64 cortex-a72 2 '$(TESTS)'

# The pool on two nodes and on huge pages, in a virtual machine.
pool-guest:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TESTS=ON $(QUIET)
	@cmake --build "$$BUILD"
	tests/pool/guest.sh "$$BUILD"

kernel-example:
	@scripts/deps kernel
	examples/kernel/boot --out="$$BUILD/kernel" aarch64
	examples/kernel/boot --out="$$BUILD/kernel" riscv64

# For the Linux that runs here, or whose build tree is named.
LINUX ?= /lib/modules/$(shell uname -r)/build
linux-module:
	scripts/linux-modules '$(LINUX)' "$$BUILD/linux" ROOST_ENGINE=$(ENGINE)

linux-test:
	@scripts/deps test
	@$(CONFIGURE) -B "$$BUILD" -DROOST_TESTS=ON $(QUIET)
	@cmake --build "$$BUILD"
	scripts/linux-test --json out/linux-test.json
	scripts/linux-bench --short
	scripts/linux-bench --json out/linux-bench.json

linux-test-quick:
	scripts/linux-test --quick

linux-bench:
	@scripts/deps linux-test
	@mkdir -p out
	scripts/linux-bench --json out/linux-bench.json --svg out/linux-bench.svg

# Of Debian's kernel 6.1, or those of build trees, or with names.
linux-conformance:
	@mkdir -p out
	scripts/linux-conformance --json out/linux-conformance.json $(foreach kernel,$(KERNEL),--kernel '$(kernel)') \
		$(if $(PATTERN),'$(PATTERN)')

REFERENCE ?= debian-6.1
linux-conformance-baseline:
	@mkdir -p out
	scripts/linux-baseline --json out/linux-baseline.json --text out/linux-baseline.txt \
		$(if $(KERNEL),--beside docs/data/linux-baseline.json --only '$(REFERENCE)') $(foreach kernel,$(KERNEL),'$(kernel)')

# All of the tests that can run there; CI runs a short form (scripts/cross --short).
cross:
	@scripts/deps cross
	@scripts/cross

lint:
	@.ci/run lint

format:
	@scripts/check-format --fix

clean:
	@scripts/clean "$$BUILD" "$$BUILD-asan" "$$BUILD-tsan" "$$BUILD-bench"
	rm -rf build-aarch64 build-mutants build-guest build-linux-bench build-fuzz build-fuzz-afl build-cross out

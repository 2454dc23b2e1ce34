#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures all designs and their peers, in turns, and keeps what it measured.

    run.py BUILD/bench/objects --out FILE.json [--rounds N] [--sizes 64,...] [--workloads pair,...]
    run.py BUILD/bench/objects --count FILE.json     adds instructions, by callgrind; stack, checks
    run.py --table FILE.json [--least]               prints medians (or the least) as tables

Each figure is a process of its own, with the priority of real time (chrt) on CPU 1: it has the core
to itself for the tenths of a second that it takes, whatever else the machine does. One way uses CPUs 0
and 1. A file /tmp/quiet makes it wait.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

ROOST = ["two-sided", "magazines", "magazines-states", "one-side", "one-side-hints"]
LISTS = ["array"]  # ck_stack and lfstack are peers of `roost bench` now
MALLOCS = {"glibc": "", "jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4",
           "mimalloc": "libmimalloc.so.2"}
NO_RSEQ = {"one-side-no-rseq": "one-side"}
CACHES = ["caches"]  # not of a run for the choice: they came afterwards
NAMES = ROOST + list(NO_RSEQ) + list(MALLOCS) + LISTS
WORKLOADS = ["pair", "random-1000", "random-100000", "walk-1000", "walk-100000", "burst", "one-way",
             "one-way-untouched"]
SIZES = [16, 64, 256, 1024, 8192]


def command(where, name, workload, size):
    """The arguments and the environment of a measurement, or None if it makes no sense."""
    env = dict(os.environ)
    touched = []
    if workload.endswith("-untouched"):
        workload, touched = workload.removesuffix("-untouched"), ["untouched"]
    if name == "array" and workload in ("one-way", "far"):
        return None  # it is of one thread
    if name in MALLOCS:
        module = "malloc"
        if MALLOCS[name]:
            env["LD_PRELOAD"] = MALLOCS[name]
    else:
        module = os.path.join(where, NO_RSEQ.get(name, name) + ".so")
        if not os.path.exists(module):
            return None
    if name in NO_RSEQ:
        env["GLIBC_TUNABLES"] = "glibc.pthread.rseq=0"
    return [os.path.join(where, "measure"), module, workload, str(size)] + touched, env


def measure(where, args):
    figures = {}
    for size in args.sizes:
        for workload in args.workloads:
            for _ in range(args.rounds):
                for name in args.names:
                    what = command(where, name, workload, size)
                    if not what:
                        continue
                    while os.path.exists("/tmp/quiet"):
                        time.sleep(1)
                    bind = [] if workload.startswith("one-way") else ["taskset", "-c", "1"]
                    run = subprocess.run(["chrt", "-f", "50"] + bind + what[0], env=what[1],
                                         capture_output=True, text=True, timeout=60)
                    if run.returncode:
                        sys.exit(f"run.py: {name} {workload} {size}: {run.stderr.strip()}")
                    figures.setdefault(f"{workload} {size}", {}).setdefault(name, []).append(
                        float(run.stdout))
            print(workload, size, file=sys.stderr, flush=True)
    return figures


def machine():
    def out(*words):
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()

    with open("/proc/cpuinfo", encoding="ascii") as info:
        cpu = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    packages = ["libc6", "libjemalloc2", "libtcmalloc-minimal4", "libmimalloc2.0", "libck0", "liburcu8"]
    return {"cpu": cpu, "cpus": os.cpu_count(), "kernel": platform.release(),
            "compiler": out("cc", "--version").splitlines()[0],
            "packages": out("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages).splitlines(),
            "load": os.getloadavg(), "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime())}


def count(where, args):
    """Instructions a pair; of `far` those of the frees alone, by another CPU than the home."""
    figures = {}
    for workload, pairs in (("pair", 10000), ("random-1000", 10000), ("walk-1000", 10000),
                            ("burst", 10000), ("far", 10000)):
        for name in args.names:
            what = command(where, name, workload, 64)
            if not what or name in NO_RSEQ:
                continue
            out = f"/tmp/objects-count.{os.getpid()}"
            subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no",
                            f"--callgrind-out-file={out}"] + what[0], env=what[1], check=True,
                           capture_output=True)
            with open(out, encoding="ascii") as file:
                total = [int(line.split()[1]) for line in file
                         if line.startswith(("totals:", "summary:"))][-1]
            os.unlink(out)
            figures.setdefault(workload, {})[name] = round(total / pairs, 1)
    return figures


def facts(where, names, what):
    found = {}
    for name in names:
        words = command(where, name, what, 64)
        if words and name != "array":
            run = subprocess.run(words[0], env=words[1], capture_output=True, text=True, timeout=60)
            found[name] = run.stdout.strip() or run.stderr.strip()
    return found


def table(report, pick):
    names = [n for n in CACHES + NAMES if any(n in row for row in report["ns"].values())]
    print("ns a pair\n| | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for what, row in report["ns"].items():
        print(f"| {what} | " + " | ".join(f"{pick(row[n]):.1f}" if n in row else "-" for n in names) + " |")
    if "instructions" in report:
        print("\ninstructions a pair, 64 bytes (far: of a free)\n| | " + " | ".join(names) + " |\n|" +
              " --- |" * (len(names) + 1))
        for what, row in report["instructions"].items():
            print(f"| {what} | " + " | ".join(f"{row[n]:.0f}" if n in row else "-" for n in names) + " |")


def lines_of(report):
    """JSON with a line for each row."""
    def section(rows):
        return "{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}"

    return "{\n" + ",\n".join(f"{json.dumps(k)}: {section(v)}" for k, v in report.items()) + "\n}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("where", nargs="?")
    parser.add_argument("--out")
    parser.add_argument("--count")
    parser.add_argument("--table")
    parser.add_argument("--least", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--names", type=lambda s: s.split(","), default=NAMES)
    parser.add_argument("--sizes", type=lambda s: [int(x) for x in s.split(",")], default=SIZES)
    parser.add_argument("--workloads", type=lambda s: s.split(","), default=WORKLOADS)
    args = parser.parse_args()
    if args.table:
        with open(args.table, encoding="ascii") as file:
            table(json.load(file), min if args.least else statistics.median)
        return
    name = args.out or args.count
    if not args.where or not name:
        parser.error("a directory, and --out or --count")
    report = {"machine": machine()}
    if os.path.exists(name):
        with open(name, encoding="ascii") as file:
            report = json.load(file)
    if args.count:
        report["instructions"] = count(args.where, args)
        report["stack"] = facts(args.where, args.names, "stack")
        report["check"] = facts(args.where, ROOST, "check")
    else:
        report.setdefault("ns", {}).update(measure(args.where, args))
    with open(name, "w", encoding="ascii") as file:
        file.write(lines_of(report) + "\n")


main()

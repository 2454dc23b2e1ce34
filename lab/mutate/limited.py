# SPDX-License-Identifier: MIT
"""Runs programs that may be broken: for a limited time, in a process group of their own."""
import os
import resource
import signal
import subprocess


running = set()  # children, whose numbers are those of their groups


def kill_group(number):
    """Ends a child and its own children."""
    try:
        os.killpg(number, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_all():
    """Ends all that run."""
    for number in list(running):
        kill_group(number)


def limit_resources():
    """A mutant may write or allocate without end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))


def run_limited(command, seconds, env, cwd, split=False):
    """Runs a command in a process group of its own: (exit status or None for a timeout, the end of its
    output). With split: (status, all that it printed, the end of its messages)."""
    with open(cwd / "judge.log", "w+b") as log, open(cwd / "judge.out", "w+b") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out if split else log,
                                 stderr=log, env={**os.environ, **env}, cwd=cwd,
                                 start_new_session=True, preexec_fn=limit_resources)
        running.add(child.pid)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            kill_group(child.pid)
            child.wait()
            running.discard(child.pid)
        log.seek(max(0, log.tell() - 4000))
        said = log.read().decode(errors="replace")
        if not split:
            return status, said
        out.seek(0)
        return status, out.read().decode(errors="replace"), said

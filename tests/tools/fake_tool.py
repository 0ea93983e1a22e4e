"""Stands for tofu, ansible or any other tool: does what the file `<itself>.steps` says and logs its call.

The steps are a JSON list of one-key objects, done in order; without the file it ends at once with 0.
Each call is one line of JSON in `calls.jsonl` beside it. Arguments are logged as text in which each
character stands for one byte, so that every byte can be told.
"""

import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
NAME = os.path.basename(sys.argv[0])
DEADLINE = 60.0


def as_bytes(text):
    return os.fsencode(text).decode("latin-1")


def append(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, text.encode())
    os.close(fd)


def await_true(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            sys.stderr.write(f"fake tool {NAME}: waited {DEADLINE} s for {what}\n")
            os._exit(99)
        time.sleep(0.005)


SEEN = []


def on_signal(number, _frame):
    name = signal.Signals(number).name
    append(os.path.join(HERE, NAME + ".signals"), name + "\n")
    SEEN.append(name)


def live_on(until):
    """A child of the tool that outlives it, with everything open that the tool had open."""
    if os.fork() == 0:
        os.setsid()
        await_true(until, lambda: os.path.exists(until))
        os._exit(0)


def run(step):
    done = subprocess.run(step["run"], cwd=step.get("cwd"), capture_output=True, stdin=subprocess.DEVNULL)
    if "save" in step:
        with open(step["save"], "wb") as file:
            file.write(done.stdout)
    if done.returncode != step.get("code", 0):
        sys.stderr.write(f"fake tool {NAME}: {step['run']} ended with {done.returncode}\n")
        sys.stderr.write((done.stdout + done.stderr).decode(errors="replace"))
        sys.stderr.flush()
        os._exit(98)


def do(step):
    if "print" in step:
        sys.stdout.write(step["print"])
        sys.stdout.flush()
    elif "eprint" in step:
        sys.stderr.write(step["eprint"])
        sys.stderr.flush()
    elif "touch" in step:
        append(step["touch"], "")
    elif "append" in step:
        append(step["append"], step["text"])
    elif "await" in step:
        await_true(step["await"], lambda: os.path.exists(step["await"]))
    elif "trap" in step:
        for name in step["trap"]:
            signal.signal(getattr(signal, name), on_signal)
    elif "await_signal" in step:
        await_true(step["await_signal"], lambda: step["await_signal"] in SEEN)
    elif "own_group" in step:
        os.setpgid(0, 0)
    elif "read_line" in step:
        append(step["read_line"], sys.stdin.readline())
    elif "live_on" in step:
        live_on(step["live_on"])
    elif "run" in step:
        run(step)
    elif "kill_self" in step:
        signal.signal(step["kill_self"], signal.SIG_DFL) if step["kill_self"] not in (9, 19) else None
        os.kill(os.getpid(), step["kill_self"])
        await_true("its own end", lambda: False)
    elif "exit" in step:
        sys.stdout.flush()
        os._exit(step["exit"])
    else:
        sys.stderr.write(f"fake tool {NAME}: unknown step {step}\n")
        os._exit(97)


def main():
    call = {
        "tool": NAME,
        "argv": [as_bytes(a) for a in sys.argv[1:]],
        "cwd": os.getcwd(),
        "env": {as_bytes(k): as_bytes(v) for k, v in os.environ.items()},
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgrp(),
        "tty": [os.isatty(fd) for fd in (0, 1, 2)],
        "ignored": [s.name for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
                    if IGNORED_AT_START & (1 << (s - 1))],
    }
    append(os.path.join(HERE, "calls.jsonl"), json.dumps(call) + "\n")
    try:
        with open(os.path.join(HERE, NAME + ".steps"), encoding="utf-8") as file:
            steps = json.load(file)
    except FileNotFoundError:
        steps = []
    for step in steps:
        do(step)


def ignored_signals():
    """The mask of what was ignored when this process was started; 0 where it cannot be told."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("SigIgn:"):
                    return int(line.split()[1], 16)
    except OSError:
        pass
    return 0


IGNORED_AT_START = ignored_signals()
main()

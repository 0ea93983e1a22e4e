"""The tool of the campaign: writes down what it found in its directory, and who was inside already.

    tool plan|apply|final [--code=N] [--gate] [--graceful|--stubborn] [--leave]

Each line of `$CAMPAIGN_HOME/log` is one JSON object. `enter`: the files below tok/ with the ids that git
would give them, and the calls that were changing the same unit at that moment (`over`). `exit`: the code.
A tool that is killed writes no `exit`. The kernel knows who is inside (flock), so that a killed tool is not.

`--gate`: goes on only when `$CAMPAIGN_HOME/gates/CALL` exists. `--graceful`: SIGTERM ends it with an exit of
its own. `--stubborn`: SIGTERM does nothing. `--leave`: ends at once, and a child that it leaves behind goes on
with the change until the gate opens.
"""

import fcntl
import hashlib
import json
import os
import signal
import sys
import time

HOME, CALL = os.environ["CAMPAIGN_HOME"], os.environ["CAMPAIGN_CALL"]
UNIT = os.environ.get("LOCKSTEP_MODULE", "?") + "/" + os.environ.get("LOCKSTEP_PROFILE", "?")
KIND, FLAGS = sys.argv[1], sys.argv[2:]
CODE = next((int(flag[7:]) for flag in FLAGS if flag.startswith("--code=")), 0)
LOG = os.open(os.path.join(HOME, "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
# Longer than any history keeps a gate closed.
FOR_EVER = 600


def say(event, **more):
    line = {"e": event, "unit": UNIT, "kind": KIND, "call": CALL, "run": os.environ.get("LOCKSTEP_RUN_ID"),
            "pid": os.getpid(), "t": time.time(), **more}
    os.write(LOG, (json.dumps(line) + "\n").encode())


def born():
    """When the run started its command: the oldest of this process and of its parents that belong to the run."""
    mark = b"LOCKSTEP_RUN_ID=" + os.environ.get("LOCKSTEP_RUN_ID", "?").encode()
    pid, since = os.getpid(), time.time()
    try:
        boot = time.time() - float(open("/proc/uptime", encoding="ascii").read().split()[0])
        while pid > 1 and mark in open(f"/proc/{pid}/environ", "rb").read().split(b"\0"):
            fields = open(f"/proc/{pid}/stat", encoding="utf-8").read().rpartition(")")[2].split()
            pid, since = int(fields[1]), min(since, boot + int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except OSError:
        pass
    return since


def blob(path):
    with open(path, "rb") as file:
        data = file.read()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def found():
    names = os.listdir("tok") if os.path.isdir("tok") else []
    return {name: blob(os.path.join("tok", name)) for name in names}


def rendered():
    with open("conf.txt", encoding="utf-8") as file:
        return file.read().strip()


def enter():
    """The calls that change the unit already; else this one does from here on, if it changes anything."""
    place = os.open(os.path.join(HOME, "inside-" + UNIT.replace("/", "@")), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(place, (fcntl.LOCK_SH if KIND == "plan" else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return [os.pread(place, 100, 0).decode()]
    if KIND == "plan":
        os.close(place)
    else:
        os.ftruncate(place, 0)
        os.pwrite(place, CALL.encode(), 0)
    return []


def gate():
    path, until = os.path.join(HOME, "gates", CALL), time.monotonic() + FOR_EVER
    while not os.path.exists(path) and os.path.isdir(HOME) and time.monotonic() < until:
        time.sleep(0.02)


def graceful(*_):
    say("exit", code=1)
    os._exit(1)


def main():
    if "--graceful" in FLAGS:
        signal.signal(signal.SIGTERM, graceful)
    if "--stubborn" in FLAGS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    over = enter()
    say("enter", born=born(), over=over, tok=found(), conf=rendered(), parent=os.getppid())
    if "--leave" in FLAGS and os.fork() == 0:
        gate()
        say("left")
        os._exit(0)
    elif "--leave" not in FLAGS and "--gate" in FLAGS:
        gate()
    say("exit", code=CODE)
    os._exit(CODE)


main()

"""Runs a command on a terminal of its own (or without one) and sends it what a scenario says.

usage: signals_driver.py SCENARIO LOG COMMAND...

The tool under the command writes lines to the pipe LOG; the driver acts when it sees them, so
that nothing here depends on time. A scenario that never ends is ended after a minute, as a failure.
Prints how the command ended: `code N` or `signal N`.
"""

import os, pty, signal, sys

scenario, log, *command = sys.argv[1:]
os.mkfifo(log)
reader = os.open(log, os.O_RDWR)


def child():
    # Whatever the tests were started with (a background job, `nohup`), a scenario begins the same.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if "ignore-int" in scenario:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "ignore-chld" in scenario:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.execvp(command[0], command)


if "pty" in scenario:
    pid, master = pty.fork()
else:
    pid, master = os.fork(), None
if pid == 0:
    child()


def fail(why):
    """Ends with the command and its tool gone: they hold the pipes that the test reads to the end."""
    os.kill(pid, signal.SIGTERM)
    os.read(reader, 4096)
    os.kill(pid, signal.SIGKILL)
    sys.exit(why)


signal.signal(signal.SIGALRM, lambda *_: fail("nothing happened for a minute"))
signal.alarm(60)


def expect(line):
    buffer = b""
    while not buffer.endswith(b"\n"):
        buffer += os.read(reader, 1)
    if buffer.decode().strip() != line:
        fail(f"expected {line!r}, the tool says {buffer!r}")


expect("ready, ignoring 2" if "ignore-int" in scenario else "ready")
if "ctrl-c" in scenario:
    os.write(master, b"\x03")
    expect("got 2")
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
elif "ctrl-backslash" in scenario:
    os.write(master, b"\x1c")
    expect("got 3")
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
elif "kill-int" in scenario:
    os.kill(pid, signal.SIGINT)
    expect("got 2")
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
elif "hang-up" in scenario:
    os.close(master)
    expect("got 1")
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
elif "ignore-int" in scenario:
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
elif "stop" in scenario:
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    os.kill(pid, signal.SIGCONT)
    os.waitpid(pid, os.WCONTINUED)
    os.kill(pid, signal.SIGTERM)
    expect("got 15")
else:
    os.kill(pid, signal.SIGTERM)
    expect("got 15")

# The terminal's buffer must not hold up the command.
while master is not None and "hang-up" not in scenario:
    try:
        if not os.read(master, 4096):
            break
    except OSError:
        break
status = os.waitpid(pid, 0)[1]
print("code", os.WEXITSTATUS(status)) if os.WIFEXITED(status) else print("signal", os.WTERMSIG(status))

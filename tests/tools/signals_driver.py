"""Runs a command on a terminal of its own (or without one) and sends it what a scenario says.

usage: signals_driver.py SCENARIO LOG COMMAND...

The tool under the command writes lines to the pipe LOG; the driver acts when it sees them, so
that nothing here depends on time. Whatever happens, the command and its tool are gone at the end:
they hold the pipes that the test reads. A scenario that never ends is ended after a minute.
Prints how the command ended: `code N` or `signal N`.
"""

import os, pty, signal, sys, threading

scenario, log, *command = sys.argv[1:]
# Whatever the tests were started with (a background job, `nohup`, a launcher that blocks signals),
# a scenario begins the same.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.mkfifo(log)
reader = os.open(log, os.O_RDWR)
alive = []


def child():
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
alive.append(pid)


def clean_up():
    while alive:
        try:
            os.kill(alive.pop(), signal.SIGKILL)
        except ProcessLookupError:
            pass


def too_long():
    print("nothing happened for a minute", file=sys.stderr, flush=True)
    clean_up()
    os._exit(1)


watchdog = threading.Timer(60, too_long)
watchdog.daemon = True
watchdog.start()


def line():
    buffer = b""
    while not buffer.endswith(b"\n"):
        buffer += os.read(reader, 1)
    return buffer.decode().strip()


def expect(wanted):
    said = line()
    if said != wanted:
        sys.exit(f"expected {wanted!r}, the tool says {said!r}")


def play():
    alive.append(int(line()))
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
    # Both are reaped: their numbers may be anybody's by now.
    alive.clear()
    return status


try:
    status = play()
finally:
    clean_up()
print("code", os.WEXITSTATUS(status)) if os.WIFEXITED(status) else print("signal", os.WTERMSIG(status))

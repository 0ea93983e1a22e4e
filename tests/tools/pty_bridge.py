"""Runs a command line on a pseudo-terminal, as a shell with job control would.

usage: pty_bridge.py STATUS_FILE PROGRAM [ARG...]

The program is a job of its own in the foreground of the terminal. What it writes to the terminal
comes out of our standard output. Our standard input takes one JSON object a line:
    {"send": "text"}   is typed on the terminal ("\\u0003" is Ctrl-C, "\\u001a" is Ctrl-Z)
    {"fg": true}       brings a stopped job back
    {"hangup": true}   closes the terminal
When the job is stopped, the line "[stopped]" appears, and "[continued]" when it is brought back. At its
end STATUS_FILE is written: `exit N` or `signal N`.
"""

import json
import os
import pty
import select
import signal
import sys
import termios


def job_control(argv, commands, status_file):
    """The session leader: starts the job, takes the terminal back when it stops, reports its end."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    ready_read, ready_write = os.pipe()
    job = os.fork()
    if job == 0:
        os.read(ready_read, 1)
        for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGTSTP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execv(argv[0], argv)
    os.setpgid(job, job)
    os.tcsetpgrp(0, job)
    os.write(ready_write, b"x")
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.tcsetpgrp(0, os.getpgrp())
            os.write(1, b"[stopped]\n")
            if os.read(commands, 1) != b"f":
                os._exit(1)
            os.tcsetpgrp(0, job)
            os.write(1, b"[continued]\n")
            os.killpg(job, signal.SIGCONT)
            continue
        os.tcsetpgrp(0, os.getpgrp())
        text = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
        with open(status_file + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(status_file + ".new", status_file)
        os._exit(0)


def set_size(fd, rows, columns):
    termios.tcsetwinsize(fd, (rows, columns)) if hasattr(termios, "tcsetwinsize") else None


def obey(line, terminal, commands):
    order = json.loads(line)
    if "send" in order:
        os.write(terminal, order["send"].encode())
    elif "fg" in order:
        os.write(commands, b"f")
    elif "hangup" in order:
        os.close(terminal)
        return False
    return True


def main():
    status_file, argv = sys.argv[1], sys.argv[2:]
    commands_read, commands_write = os.pipe()
    leader, terminal = pty.fork()
    if leader == 0:
        os.close(commands_write)
        job_control(argv, commands_read, status_file)
    os.close(commands_read)
    set_size(terminal, 40, 100)
    pending, watched = b"", [terminal, 0]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                watched.remove(0)
            pending += data
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                if not obey(line, terminal, commands_write):
                    os.waitpid(leader, 0)
                    return
        if terminal in ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # what Linux says when the last process has closed the terminal
                data = b""
            if not data:
                break
            os.write(1, data)
    os.waitpid(leader, 0)


main()

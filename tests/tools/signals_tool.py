"""A tool that says its number and which signals it gets, in the pipe LOG, and ends with 7 after SIGTERM."""

import os, signal, sys

log = os.open(sys.argv[1], os.O_WRONLY)


def say(*words):
    os.write(log, (" ".join(map(str, words)) + "\n").encode())


wanted = {1, 2, 3, 15}
ignored = [number for number in sorted(wanted) if signal.getsignal(number) is signal.SIG_IGN]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
say(os.getpid())
say(", ignoring ".join(["ready", *map(str, ignored)]))
number = 0
while number != 15:
    number = signal.sigwait(wanted)
    say("got", int(number))
os._exit(7)

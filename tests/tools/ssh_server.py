"""A real sshd on a loopback port: listens itself and gives each connection to an `sshd -i` of its own.

Listening here means that the system chooses the port, that it listens when it says so, and that every
process that serves a connection is known and ends with this one.

Its one argument is a JSON object: `sshd` (the words of its command line) and `log` (a file, a line for
each connection). When it listens it prints `{"port": N, "user": NAME}`. It ends when its standard
input does.
"""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading

SETTINGS = json.loads(sys.argv[1])
SERVING = set()


def serve(connection):
    with connection:
        # A session of its own, so that what it starts can be ended with it.
        sshd = subprocess.Popen(SETTINGS["sshd"], stdin=connection, stdout=connection, start_new_session=True)
    SERVING.add(sshd)
    sshd.wait()
    SERVING.discard(sshd)


def accept(listener):
    while True:
        connection, _ = listener.accept()
        with open(SETTINGS["log"], "a", encoding="ascii") as log:
            log.write("connection\n")
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    hello = {"port": listener.getsockname()[1], "user": pwd.getpwuid(os.getuid()).pw_name}
    print(json.dumps(hello), flush=True)
    sys.stdin.buffer.read()
    listener.close()
    for sshd in list(SERVING):
        if sshd.poll() is None:
            os.killpg(sshd.pid, signal.SIGKILL)
            sshd.wait()
    os._exit(0)


main()

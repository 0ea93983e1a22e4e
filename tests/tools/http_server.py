"""Smart HTTP on a loopback port, as a git host speaks it: `git http-backend` as CGI, with faults on order.

Its one argument is a JSON object: `git` (the program), `root` (the directory of the repositories),
`log`, `faults` (files), `user` (`name:password` if it wants one, else null), `keep_alive`.
When it listens it prints `{"port": N}`. It ends when its standard input does.

Each request is one line of JSON in the log: the number of its connection, what it is (`fetch-refs`,
`fetch`, `push-refs`, `push`), what it was answered (a status, or null for silence) and whether a
password came with it.

The file of faults holds `{"id": N, "rules": [{"at": WHAT|"any", "skip": N, "times": N, "do": …}]}`;
each rule passes over its first `skip` requests and is then good for `times` (or for ever). `do`:
a number: that status instead of an answer; "before": the connection is dropped before git gets the
request; "after": git does its work, then the connection is dropped; "torn": half of git's answer
comes; "vanish": like "after", and from then on every connection is dropped; `{"delay": SECONDS}`: it
takes that much longer; `{"run": ARGV}`: like "after", and a program is run in between.
"""

import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time

SETTINGS = json.loads(sys.argv[1])


class Faults:
    """Which fault a request meets."""

    def __init__(self, path):
        self.path = path
        self.guard = threading.Lock()
        self.id = None
        self.seen = []
        self.vanished = False

    def next(self, what):
        with self.guard:
            try:
                with open(self.path, encoding="utf-8") as file:
                    order = json.load(file)
            except FileNotFoundError:
                return None
            if order["id"] != self.id:
                self.id, self.seen, self.vanished = order["id"], [0] * len(order["rules"]), False
            if self.vanished:
                return "before"
            for number, rule in enumerate(order["rules"]):
                if rule["at"] not in (what, "any"):
                    continue
                self.seen[number] += 1
                count = self.seen[number] - rule.get("skip", 0)
                if count > 0 and count <= rule.get("times", count):
                    return rule["do"]
            return None

    def vanish(self):
        with self.guard:
            self.vanished = True


FAULTS = Faults(SETTINGS["faults"])
CONNECTIONS = iter(range(1, sys.maxsize))
RUNNING = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1" if SETTINGS["keep_alive"] else "HTTP/1.0"
    # Without this each small answer waits for the acknowledgement of the one before.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self):
        super().setup()
        self.number = next(CONNECTIONS)

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def what(self):
        path, _, query = self.path.partition("?")
        side = "push" if "git-receive-pack" in path + query else "fetch"
        return side + "-refs" if path.endswith("/info/refs") else side

    def serve(self, body):
        what = self.what()
        fault = FAULTS.next(what)
        if fault == "before":
            return self.drop(what)
        if isinstance(fault, int):
            return self.answer(what, fault, [], b"no, says the server\n")
        if isinstance(fault, dict) and "delay" in fault:
            time.sleep(fault["delay"])
        if not self.may_enter():
            headers = [("WWW-Authenticate", 'Basic realm="lockstep"')]
            return self.answer(what, 401, headers, b"who are you?\n")
        status, headers, answer = self.run_git(body)
        if fault == "torn":
            self.log(what, None)
            return self.send(status, headers, answer, answer[: len(answer) // 2])
        if isinstance(fault, dict) and "run" in fault:
            subprocess.run(fault["run"], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            return self.drop(what)
        if fault in ("after", "vanish"):
            if fault == "vanish":
                FAULTS.vanish()
            return self.drop(what)
        return self.answer(what, status, headers, answer)

    def may_enter(self):
        if SETTINGS["user"] is None:
            return True
        wanted = "Basic " + base64.b64encode(SETTINGS["user"].encode()).decode()
        return self.headers.get("Authorization") == wanted

    def run_git(self, body):
        path, _, query = self.path.partition("?")
        env = dict(os.environ)
        env.update(
            GIT_PROJECT_ROOT=SETTINGS["root"], GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)), REMOTE_ADDR="127.0.0.1", REMOTE_USER="somebody",
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
        )
        git = subprocess.Popen([SETTINGS["git"], "http-backend"], env=env, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
        RUNNING.add(git)
        out, _ = git.communicate(body)
        RUNNING.discard(git)
        head, _, answer = out.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if line]
        status = next((int(v.split()[0]) for k, v in headers if k == "Status"), 200)
        return status, [h for h in headers if h[0] not in ("Status", "Content-Length")], answer

    def answer(self, what, status, headers, body):
        self.log(what, status)
        self.send(status, headers, body, body)

    def send(self, status, headers, promised, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(promised)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.close_connection |= promised != body

    def drop(self, what):
        self.log(what, None)
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The other side was faster.

    def log(self, what, status):
        line = {"connection": self.number, "what": what, "status": status,
                "password": "Authorization" in self.headers}
        fd = os.open(SETTINGS["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(fd, (json.dumps(line) + "\n").encode())
        os.close(fd)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.buffer.read()
    for git in list(RUNNING):
        git.kill()
    os._exit(0)


main()

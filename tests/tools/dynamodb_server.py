"""DynamoDB on a loopback port, played by moto, with faults on order.

Its one argument is a JSON object: `lib` (the directory of moto) and `home` (one for the files below, which is
removed at the end). When it listens it prints `{"port": N}`. It ends when its standard input does.

moto looks first and writes then: one request is served at a time, so that a condition decides.

Each request is one line in `TABLE.log`: what it is (`PutItem`), the number of its connection and the status
that was answered, or null for silence.

`TABLE.faults` holds `{"id": N, "rules": [{"at": OPERATION|"any", "skip": N, "times": N, "do": …}]}`;
each rule passes over its first `skip` requests and is then good for `times` (or for ever). `do`:
"before": the connection is dropped and nothing is done; "after": it is done, then the connection is
dropped; "torn": half of the answer comes; "hang": it is done and nothing ever comes; "bare": it is done
and of an item that a refused condition shows nothing is left; `{"run": ARGV}`: a program is run, then
the connection is dropped and nothing is done, unless `"done": true` is there: then it is done before the program runs; `{"status": N, "type": CODE, "message": TEXT}`: this
instead of an answer, and nothing is done; with `"done": true` it is done all the same.
"""

import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

SETTINGS = json.loads(sys.argv[1])
# Nothing of the machine's own credentials is for a server of the tests.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
sys.path.insert(0, SETTINGS["lib"])

from moto.moto_server.werkzeug_app import create_backend_app  # noqa: E402

APP = create_backend_app("dynamodb")
ONE_AT_A_TIME = threading.Lock()
LOGGING = threading.Lock()
CONNECTIONS = iter(range(1, sys.maxsize))
NEVER = threading.Event()


class Faults:
    """Which fault a request meets."""

    def __init__(self):
        self.guard, self.id, self.seen = threading.Lock(), {}, {}

    def next(self, table, what):
        with self.guard:
            try:
                with open(path(table, "faults"), encoding="utf-8") as file:
                    order = json.load(file)
            except FileNotFoundError:
                return None
            if order["id"] != self.id.get(table):
                self.id[table], self.seen[table] = order["id"], [0] * len(order["rules"])
            seen = self.seen[table]
            for number, rule in enumerate(order["rules"]):
                if rule["at"] not in (what, "any"):
                    continue
                seen[number] += 1
                count = seen[number] - rule.get("skip", 0)
                if 0 < count <= rule.get("times", count):
                    return rule["do"]
            return None


FAULTS = Faults()


def path(table, kind):
    return os.path.join(SETTINGS["home"], f"{table}.{kind}")


def table_of(body):
    """The table that a request is about."""
    asked = json.loads(body or b"{}")
    for put in asked.get("TransactItems", []):
        asked = put["Put"]
    return asked.get("TableName") or next(iter(asked.get("RequestItems", {})), "none")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self):
        super().setup()
        self.number = next(CONNECTIONS)

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.table = table_of(body)
        fault = FAULTS.next(self.table, what)
        if fault == "before":
            return self.drop(what)
        if isinstance(fault, dict) and "status" in fault:
            if fault.get("done"):
                self.serve(body)
            text = {"__type": "com.amazonaws.dynamodb.v20120810#" + fault["type"], "message": fault["message"]}
            return self.answer(what, fault["status"], json.dumps(text).encode())
        if isinstance(fault, dict):
            if fault.get("done"):
                self.serve(body)
            subprocess.run(fault["run"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            return self.drop(what)
        status, answer = self.serve(body)
        if fault == "hang":
            self.log(what, None)
            NEVER.wait()
        if fault == "after":
            return self.drop(what)
        if fault == "torn":
            self.log(what, None)
            self.send(status, answer, answer[: len(answer) // 2])
            self.close_connection = True
            return None
        if fault == "bare":
            bare = json.loads(answer)
            bare.pop("Item", None)
            answer = json.dumps(bare).encode()
        return self.answer(what, status, answer)

    def serve(self, body):
        environ = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        told = []
        with ONE_AT_A_TIME:
            answer = b"".join(APP(environ, lambda status, headers, *_: told.append(int(status.split()[0]))))
        return told[0], answer

    def answer(self, what, status, body):
        self.log(what, status)
        self.send(status, body, body)

    def send(self, status, promised, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(promised)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def drop(self, what):
        self.log(what, None)
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The other side was faster.

    def log(self, what, status):
        line = {"what": what, "connection": self.number, "status": status}
        with LOGGING, open(path(self.table, "log"), "a", encoding="ascii") as log:
            log.write(json.dumps(line) + "\n")


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
    shutil.rmtree(SETTINGS["home"], ignore_errors=True)
    os._exit(0)


main()

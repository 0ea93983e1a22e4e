#!/usr/bin/env python3
"""Many processes against one lock, as long as one likes: exactly one may win a round.

    cargo build --release && python3 benches/stress.py [--processes 24] [--rounds 100]
        [--remote file|http|ssh|dynamodb] [--lockstep PROGRAM]

Each process has a clone of its own and runs `lockstep lock exec unlock` at the same moment as all
others. The winner's command makes a file that must not be there (a second holder would be caught by
it), and holds the lock until every other process has been refused. A round is violated if not exactly
one process wins, if two hold the lock at once, or if a loser ends with anything but 75. Prints a line
every ten rounds and a summary; ends with 1 if anything was violated. Ctrl-C ends it with the summary.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import table  # noqa: E402
from sshd import Sshd  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKSTEP = os.path.join(ROOT, "target", "release", "lockstep")

# What runs under the lock: alone in the room, until the others have gone.
TOOL = """#!/bin/sh
set -eu
room="$1"
set -C
: > "$room/inside" || { echo "$$" >> "$room/violated"; exit 1; }
echo "$$" >> "$room/winners"
while [ ! -e "$room/leave" ]; do sleep 0.01; done
rm "$room/inside"
"""


def environment(home):
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    who = {"NAME": "stress", "EMAIL": "stress@example.com"}
    author = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in who.items()}
    return {**kept, **author, "HOME": home, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


class Stage:
    """A bare origin, perhaps behind a server, and a clone for each process."""

    def __init__(self, base, remote, processes, lockstep):
        self.lockstep = lockstep
        self.base, self.env, self.server, self.sshd, self.table = base, environment(base), None, None, None
        origin = os.path.join(base, "origin.git")
        self.git(base, "init", "-q", "--bare", "-b", "main", origin)
        self.git(origin, "config", "http.receivepack", "true")
        if remote == "dynamodb":
            self.table = table.Table(base)
            self.env.update(self.table.env())
        reached = {"http": lambda: self.serve(origin), "ssh": lambda: self.serve_ssh(origin)}
        url = reached.get(remote, lambda: origin)()
        seed = os.path.join(base, "seed")
        self.git(base, "init", "-q", "-b", "main", seed)
        config = self.table.config() if self.table else ""
        files = {"lockstep.toml": config, "profiles/prod.toml": "", "modules/alpha/x": "x\n", ".gitignore": "/.dist/\n"}
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(seed, name)), exist_ok=True)
            with open(os.path.join(seed, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.git(seed, "add", "--all")
        self.git(seed, "commit", "-q", "-m", "begin")
        self.git(seed, "push", "-q", origin, "main")
        self.tool = os.path.join(base, "tool")
        with open(self.tool, "w", encoding="utf-8") as file:
            file.write(TOOL)
        os.chmod(self.tool, 0o755)
        self.clones = [os.path.join(base, f"clone{number}") for number in range(processes)]
        for clone in self.clones:
            self.git(base, "clone", "-q", url, clone)
            subprocess.run([lockstep, "-q", "build", "--", "alpha", "prod"], cwd=clone, env=self.env, check=True)

    def git(self, cwd, *args):
        subprocess.run(["git", *args], cwd=cwd, env=self.env, check=True, capture_output=True)

    def serve(self, origin):
        """git's own smart HTTP behind Python's server, on a port of the system's choosing."""
        server = os.path.join(self.base, "server.py")
        with open(server, "w", encoding="utf-8") as file:
            file.write(SERVER)
        self.server = subprocess.Popen(
            [sys.executable, server, os.path.dirname(origin)], env=self.env, stdout=subprocess.PIPE, text=True
        )
        return f"http://127.0.0.1:{self.server.stdout.readline().strip()}/{os.path.basename(origin)}"

    def serve_ssh(self, origin):
        """A real sshd, and an `ssh` that reaches it by itself."""
        self.sshd = Sshd(self.base, self.env)
        self.sshd.plain(os.path.join(self.base, "bin"))
        self.env["PATH"] = os.path.join(self.base, "bin") + ":" + self.env["PATH"]
        return self.sshd.url(origin)

    def end(self):
        if self.server:
            self.server.kill()
        if self.sshd:
            self.sshd.end()
        if self.table:
            self.table.end()

    def round(self, number):
        """One round; what was violated, as text, or nothing."""
        room = os.path.join(self.base, f"room{number}")
        os.mkdir(room)
        words = [self.lockstep, "-q", "lock", "exec", "unlock", "--", "alpha", "prod", self.tool, room]
        runs = []
        for index, clone in enumerate(self.clones):
            env = {**self.env, "LOCKSTEP_OWNER": f"owner{index}"}
            runs.append(subprocess.Popen(words, cwd=clone, env=env, stderr=subprocess.DEVNULL))
        left = list(runs)
        while len(left) > 1:
            left = [run for run in left if run.poll() is None]
            time.sleep(0.01)
        open(os.path.join(room, "leave"), "w", encoding="utf-8").close()
        codes = sorted(run.wait() for run in runs)
        winners = count(os.path.join(room, "winners"))
        wrong = []
        if os.path.exists(os.path.join(room, "violated")):
            wrong.append("two held the lock at once")
        if codes.count(0) != 1 or winners != 1:
            wrong.append(f"{winners} winners")
        if [code for code in codes if code not in (0, 75)]:
            wrong.append(f"exit codes {json.dumps(codes)}")
        shutil.rmtree(room)
        return "; ".join(wrong)


SERVER = """
import http.server, os, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def serve(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        env = {**os.environ, "GIT_PROJECT_ROOT": sys.argv[1], "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
               "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "stress",
               "CONTENT_TYPE": self.headers.get("Content-Type") or "", "CONTENT_LENGTH": str(len(body)),
               "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
               "GIT_PROTOCOL": self.headers.get("Git-Protocol") or ""}
        said = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, body = said.partition(b"\\r\\n\\r\\n")
        status, fields = 200, []
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            else:
                fields.append((name, value))
        self.send_response(status)
        for field in fields:
            self.send_header(*field)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def count(path):
    if not os.path.exists(path):
        return 0
    with open(path, encoding="utf-8") as file:
        return len(file.readlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--remote", choices=["file", "http", "ssh", "dynamodb"], default="file")
    parser.add_argument("--lockstep", type=os.path.abspath, default=LOCKSTEP)
    args = parser.parse_args()
    if not os.path.exists(args.lockstep):
        sys.exit("no release build: cargo build --release")
    base = tempfile.mkdtemp(prefix="lockstep-stress-")
    stage, done, violations, start = None, 0, [], time.monotonic()
    try:
        stage = Stage(base, args.remote, args.processes, args.lockstep)
        for number in range(args.rounds):
            wrong = stage.round(number)
            done += 1
            if wrong:
                violations.append(f"round {number}: {wrong}")
                print(violations[-1], flush=True)
            if done % 10 == 0:
                print(f"{done} rounds, {len(violations)} violated", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        if stage:
            stage.end()
        shutil.rmtree(base, ignore_errors=True)
    seconds = time.monotonic() - start
    print(f"{args.remote}: {args.processes} processes, {done} rounds in {seconds:.0f} s, {len(violations)} violated")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()

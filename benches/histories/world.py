"""A world for one history: a bare origin behind one of the backends, clones, owners, and the tools.

Everything is below one directory, and nothing of the user's own configuration counts.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

from histories import chain
from sshd import Sshd
from table import Table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
BACKENDS = ("file", "ssh", "http", "dynamodb")
OWNERS = ("ana", "ben", "ana", "cleo")
UNITS = ("alpha/prod", "beta/prod", "alpha/dev")
# What stands between lockstep and the tool. All of them are named `tool`s in lockstep.toml.
WRAPPERS = {
    "wrap": '#!/bin/sh\ntool "$@"\nexit $?\n',
    "execwrap": '#!/bin/sh\nexec tool "$@"\n',
    "closer": "#!{python} -IS\nimport os, sys\nos.closerange(3, 1024)\nos.execvp('tool', ['tool', *sys.argv[1:]])\n",
    "pywrap": "#!{python} -IS\nimport subprocess, sys\nsys.exit(subprocess.call(['tool', *sys.argv[1:]]))\n",
}
TOOLS = ("tool", *WRAPPERS)


class Servers:
    """What all worlds of one backend share."""

    def __init__(self, backend, base):
        self.backend, self.base = backend, base
        self.table = Table(base) if backend == "dynamodb" else None
        self.sshd = None
        if backend == "ssh":
            os.makedirs(os.path.join(base, "home"))
            config = os.path.join(base, "gitconfig")
            write(config, "[core]\n logAllRefUpdates = always\n[gc]\n auto = 0\n[receive]\n autogc = false\n")
            env = {"PATH": os.environ["PATH"], "HOME": os.path.join(base, "home"),
                   "GIT_CONFIG_GLOBAL": config, "GIT_CONFIG_NOSYSTEM": "1"}
            self.sshd = Sshd(base, env)

    def end(self):
        for server in (self.table, self.sshd):
            if server:
                server.end()


class Clone:
    def __init__(self, number, path):
        self.number, self.path, self.owner = number, path, OWNERS[number % len(OWNERS)]
        self.name = f"c{number}({self.owner})"


class World:
    """One origin, its clones, and what was done to them."""

    def __init__(self, servers, base, lockstep, seed, clones, stop):
        os.makedirs(base)
        self.servers, self.backend, self.base, self.lockstep = servers, servers.backend, base, lockstep
        self.rng = random.Random(f"{seed}/world")
        self.faults, self.injected, self.http, self.disturbed = 0, {}, None, None
        self.pushed, self.lines, self.read, self.guard = set(), [], 0, threading.Lock()
        self.acts, self.calls, self.wrong, self.frozen, self.units = [], [], [], [], UNITS
        # When locks' refs were deleted; how long a run takes; whether what nothing can prove is tried too.
        self.cut, self.usual, self.unprovable, self.tokens = None, 0.5, True, 0
        self.began, self.stop = time.time(), stop
        self.table = f"t{os.path.basename(base)}" if self.backend == "dynamodb" else None
        self.chain = chain.Chain()
        self.prepare()
        self.origin = os.path.join(base, "origin.git")
        self.git(base, "init", "-q", "--bare", "-b", "main", self.origin)
        for key, value in (("http.receivepack", "true"), ("core.logAllRefUpdates", "always"), ("gc.auto", "0")):
            self.git(self.origin, "config", key, value)
        self.url = self.reach()
        self.scope, self.config = self.settings()
        self.seed_project(seed)
        self.clones = []
        for number in range(clones):
            path = os.path.join(base, f"c{number}")
            self.git(base, "clone", "-q", self.url, path)
            self.clones.append(Clone(number, path))
        objects = [os.path.join(self.origin, "objects")]
        objects += [os.path.join(clone.path, ".git", "objects") for clone in self.clones]
        self.every = os.path.join(base, "every.git")
        self.git(base, "init", "-q", "--bare", self.every)
        write(os.path.join(self.every, "objects", "info", "alternates"), "\n".join(objects) + "\n")

    # What is there before anything happens.

    def prepare(self):
        for name in ("home", "bin", "gates", "said"):
            os.makedirs(os.path.join(self.base, name))
        write(os.path.join(self.base, "gitconfig"),
              "[user]\n name = Campaign\n email = campaign@example.org\n[init]\n defaultBranch = main\n"
              '[protocol "file"]\n allow = always\n[gc]\n auto = 0\n[maintenance]\n auto = false\n'
              "[advice]\n diverging = false\n")
        source = read(os.path.join(HERE, "tool.py"))
        scripts = {"tool": f"#!{sys.executable} -IS\n{source}"}
        scripts |= {name: text.replace("{python}", sys.executable) for name, text in WRAPPERS.items()}
        for name, text in scripts.items():
            write(self.bin(name), text)
            os.chmod(self.bin(name), 0o755)
        os.symlink(self.lockstep, self.bin("lockstep"))
        self.env = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        self.env |= {
            "PATH": os.path.join(self.base, "bin") + ":" + os.environ["PATH"], "HOME": os.path.join(self.base, "home"),
            "GIT_CONFIG_GLOBAL": os.path.join(self.base, "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0", "CAMPAIGN_HOME": self.base, "GIT_EDITOR": "true",
        }
        if self.backend == "dynamodb":
            self.env |= self.servers.table.env()

    def bin(self, name):
        return os.path.join(self.base, "bin", name)

    def reach(self):
        if self.backend == "http":
            settings = {"git": shutil.which("git"), "root": self.base, "log": os.path.join(self.base, "http.log"),
                        "faults": os.path.join(self.base, "http.faults"), "user": None, "keep_alive": True}
            script = os.path.join(ROOT, "tests", "tools", "http_server.py")
            self.http = subprocess.Popen([sys.executable, "-IS", script, json.dumps(settings)], env=self.env,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            port = json.loads(self.http.stdout.readline())["port"]
            return f"http://127.0.0.1:{port}/origin.git"
        if self.backend == "ssh":
            self.servers.sshd.plain(os.path.join(self.base, "bin"))
            text = read(self.bin("ssh"))
            refused = 'if [ -e "$CAMPAIGN_HOME/away" ]; then echo "ssh: connect: Connection refused" >&2; exit 255; fi\n'
            write(self.bin("ssh"), text.replace("#!/bin/sh\n", "#!/bin/sh\n" + refused))
            return self.servers.sshd.url(self.origin)
        return f"file://{self.origin}"

    def settings(self):
        scope = self.rng.choices(("unit", "profile", "keys"), (6, 2, 2))[0]
        self.reading = self.rng.choice(("run", "skip"))
        tools = "".join(f'[tools.{name}]\nreads = ["plan"]\n' for name in TOOLS)
        text = f'requires = ">=0.1"\n{tools}[exec]\nread_only = "{self.reading}"\n'
        lock = 'scope = "profile"\n' if scope == "profile" else ""
        if self.table:
            self.servers.table.create(self.table)
            text += self.servers.table.config(self.table, lock)
        elif lock:
            text += f"[lock]\n{lock}"
        return scope, text

    def seed_project(self, seed):
        path = os.path.join(self.base, "seed")
        self.git(self.base, "init", "-q", "-b", "main", path)
        alias = ["build", "git-check", "lock", "exec", "git-push", "unlock-any"]
        files = {
            "lockstep.toml": self.config, ".gitignore": "/.dist/\n",
            "profiles/prod.toml": '[params]\ngreeting = "hi"\n', "profiles/dev.toml": '[params]\ngreeting = "dev"\n',
            "workflows/dep.toml": f'steps = {json.dumps(alias)}\nfinally = ["tool:final:--gate"]\n',
        }
        for module in ("alpha", "beta"):
            files[f"modules/{module}/tok/base"] = f"{seed}\n"
            files[f"modules/{module}/conf.txt"] = "hello {{ greeting }} {{ module }}\n"
            if self.scope == "keys":
                files[f"modules/{module}/module.toml"] = '[lock]\nkeys = ["vpc"]\n'
        for name, text in files.items():
            write(os.path.join(path, name), text)
        self.git(path, "add", "-A")
        self.git(path, "commit", "-q", "-m", "base")
        self.git(path, "push", "-q", self.origin, "HEAD:main")
        self.pushed.add(self.head(path))

    # Plain git, as people use it.

    def git(self, cwd, *args, check=True):
        """Plain git; leftover locks of a git that was killed are removed, as git itself asks for."""
        for _ in range(4):
            done = subprocess.run(["git", *args], cwd=cwd, env=self.env, capture_output=True, text=True, check=False)
            if done.returncode == 0 or not self.remove_locks(done.stderr, self.base):
                break
        if check and done.returncode:
            raise RuntimeError(f"git {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout.strip() if done.returncode == 0 else None

    def remove_locks(self, said, below=None):
        """Removes the lock files that a message names and that no git holds any more: on the server, if nothing else is said."""
        removed, below = False, below or self.origin
        for word in said.replace("'", " ").replace("`", " ").split():
            if word.endswith(".lock") and word.startswith(below) and os.path.exists(word):
                time.sleep(0.3)
                if os.path.exists(word):
                    os.remove(word)
                    removed = True
        return removed

    def head(self, path):
        return self.git(path, "rev-parse", "HEAD")

    def commit(self, clone, unit):
        """A new token in the unit's module, committed; its name."""
        module = unit.split("/")[0]
        with self.guard:
            self.tokens += 1
            name = f"t{self.tokens}"
        write(os.path.join(clone.path, "modules", module, "tok", name), name + "\n")
        self.git(clone.path, "add", "-A")
        self.git(clone.path, "commit", "-q", "-m", name)
        return name

    def sync(self, clone):
        return self.git(clone.path, "pull", "-q", "--rebase", check=False) is not None

    def push(self, clone):
        head = self.head(clone.path)
        self.pushed.add(head)
        return self.git(clone.path, "push", "-q", check=False) is not None

    # The remote, as it should not be.

    def order(self, rules, what):
        """The next requests to the server meet these faults; none: all is well again."""
        self.faults += 1
        if rules:
            self.injected[what] = self.injected.get(what, 0) + 1
        path = os.path.join(self.base, "http.faults")
        if self.table:
            path = os.path.join(self.servers.table.home, f"{self.table}.faults")
        write(path + ".new", json.dumps({"id": self.faults, "rules": rules}))
        os.replace(path + ".new", path)

    def away(self, gone):
        """The remote cannot be reached, or can again."""
        if gone:
            self.injected["away"] = self.injected.get("away", 0) + 1
        if self.backend == "http":
            self.order([{"at": "any", "do": "before"}] if gone else [], "cut")
        elif self.backend == "ssh":
            flag = os.path.join(self.base, "away")
            write(flag, "") if gone else os.remove(flag)
        else:
            there, elsewhere = self.origin, self.origin + ".gone"
            os.rename(*((there, elsewhere) if gone else (elsewhere, there)))

    # What happened.

    def note(self, text):
        self.acts.append(f"{time.time() - self.began:6.2f} {text}")

    def covers(self, key, unit):
        """The lock is one of the unit's."""
        if self.scope == "profile":
            return key == "@all/" + unit.split("/")[1]
        return key == unit or self.scope == "keys" and key == "vpc"

    def record(self, unit):
        """The last record of the unit's own lock, as of the last look."""
        key = "@all/" + unit.split("/")[1] if self.scope == "profile" else unit
        return self.chain.now().get(key)

    def distance(self, unit, clone):
        """How far the clone is from being the one that can go on: its run has the lock, its owner has it, or neither."""
        held = [r for key, r in self.chain.now().items() if r["state"] != "free" and self.covers(key, unit)]
        pids = {call.process.pid for call in self.calls if call.clone is clone}
        return (bool(held) and held[0]["pid"] not in pids, bool(held) and held[0]["owner"] != clone.owner)

    def log(self):
        """Every line that tools have written so far."""
        with self.guard:
            try:
                with open(os.path.join(self.base, "log"), "rb") as file:
                    file.seek(self.read)
                    data = file.read()
            except FileNotFoundError:
                return []
            whole = data[: data.rfind(b"\n") + 1]
            self.read += len(whole)
            self.lines += [json.loads(line) for line in whole.splitlines()]
            return list(self.lines)

    def look(self):
        """Takes over what the lock's place says now."""
        if self.table:
            self.chain.add_items(self.servers.table.items(self.table))
        elif os.path.isdir(self.origin):
            self.chain.add_refs(self)

    def open_gate(self, call):
        write(os.path.join(self.base, "gates", call), "")

    def processes(self):
        """Ids of the processes of this world, wherever they have gone."""
        mark, found = f"CAMPAIGN_HOME={self.base}\0".encode(), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark in file.read() + b"\0" and (not self.http or int(pid) != self.http.pid):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def end(self):
        for pid in self.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        if self.http:
            self.http.stdin.close()
            self.http.wait()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()

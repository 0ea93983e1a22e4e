"""A real sshd on a loopback port for the measurements, run as the tests run theirs.

sshd wants a user for its unprivileged part, or to be the very user who logs in. So it runs in a user
namespace in which there is one ordinary user. Its program is the system's, else the one that the tests
have unpacked into `target/tools/sshd` (`cargo test --test integration ssh`).
"""

import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNPACKED = os.path.join(ROOT, "target", "tools", "sshd")


class Sshd:
    """Serves the repositories below `base` until it is ended."""

    def __init__(self, base, env):
        self.base = os.path.join(base, "ssh")
        os.mkdir(self.base)
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.at(name)], check=True)
        self.write("authorized", self.read("key.pub"))
        self.write("known_hosts", "origin " + self.read("host.pub"))
        self.write("passwd", f"git:x:1000:1000::{self.base}:/bin/sh\n")
        program, library, parts = self.program()
        variables = {name: env[name] for name in ("PATH", "HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")}
        self.write("config", "\n".join([
            f"HostKey {self.at('host')}",
            f"AuthorizedKeysFile {self.at('authorized')}",
            "SetEnv " + " ".join(f'"{name}={value}"' for name, value in variables.items()),
            "AuthenticationMethods publickey", "StrictModes no", "UsePAM no", "PidFile none", "UseDNS no",
            "MaxStartups 1000", "LogLevel ERROR", *parts, "",
        ]))
        words = [*library, program, "-i", "-e", "-f", self.at("config")]
        settings = {"sshd": words, "log": self.at("log")}
        server = os.path.join(ROOT, "tests", "tools", "ssh_server.py")
        inner = 'mount --bind "$0" /etc/passwd && exec unshare -U --map-user=1000 --map-group=1000 -- "$@"'
        self.process = subprocess.Popen(
            ["unshare", "-Urm", "--", "sh", "-c", inner, self.at("passwd"), sys.executable, "-IS", server, json.dumps(settings)],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        hello = json.loads(self.process.stdout.readline())
        self.user = hello["user"]
        self.client = [
            "-F", "none", "-i", self.at("key"), "-p", str(hello["port"]), "-o", f"UserKnownHostsFile={self.at('known_hosts')}",
            "-o", "HostKeyAlias=origin", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
        ]

    def at(self, name):
        return os.path.join(self.base, name)

    def read(self, name):
        with open(self.at(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def program():
        """The server, what must stand before it, and lines of its configuration."""
        for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd"):
            if os.path.exists(path):
                return path, [], []
        path = os.path.join(UNPACKED, "usr", "sbin", "sshd")
        if not os.path.exists(path):
            sys.exit("no sshd: install one, or run `cargo test --test integration ssh` once")
        lib = os.path.join(UNPACKED, "usr", "lib")
        found = [dir for dir in os.listdir(lib) if os.path.exists(os.path.join(lib, dir, "libwrap.so.0"))]
        library = ["env", f"LD_LIBRARY_PATH={os.path.join(lib, found[0])}"] if found else []
        parts = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
        there = {key: os.path.join(lib, "openssh", name) for key, name in parts.items()}
        return path, library, [f"{key} {path}" for key, path in there.items() if os.path.exists(path)]

    def url(self, repository):
        return f"ssh://{self.user}@127.0.0.1{repository}"

    def plain(self, directory):
        """Puts a program `ssh` there that reaches the server without more words, as a configured one does."""
        os.makedirs(directory, exist_ok=True)
        real = next(p for p in (os.path.join(d, "ssh") for d in os.environ["PATH"].split(":")) if os.path.exists(p))
        path = os.path.join(directory, "ssh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.quote(real)} {shlex.join(self.client)} "$@"\n')
        os.chmod(path, 0o755)

    def connections(self):
        return self.read("log").count("\n") if os.path.exists(self.at("log")) else 0

    def end(self):
        self.process.stdin.close()
        self.process.wait()

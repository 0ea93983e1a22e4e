#!/usr/bin/env python3
"""What sharing one ssh connection saves: the same run with it and without, in turn, over a real sshd.

    cargo build --release && python3 benches/shared_ssh.py [--rounds 20] [--lockstep PROGRAM]

Prints medians of wall time in milliseconds, their ratio, and the connections that a run makes. Without
it means with `core.sshCommand = ssh`, which says to git what it would do anyway.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from overhead import LOCKSTEP, environment, project
from sshd import Sshd


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--lockstep", default=LOCKSTEP)
    args = parser.parse_args()
    base = tempfile.mkdtemp(prefix="lb-")
    server = None
    try:
        env = environment(base)
        clone = project(base, env)
        server = Sshd(base, env)
        server.plain(os.path.join(base, "bin"))
        env["PATH"] = os.path.join(base, "bin") + ":" + env["PATH"]
        git = lambda *words: subprocess.run(["git", "-C", clone, *words], env=env, check=True)
        git("remote", "set-url", "origin", server.url(os.path.join(base, "origin.git")))
        alias = ["build", "git-check", "lock", "exec", "git-push", "unlock-any", "--", "alpha", "prod", "true"]
        apart = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.sshCommand", "GIT_CONFIG_VALUE_0": "ssh"}

        def once(words, more):
            before, start = server.connections(), time.perf_counter()
            subprocess.run([args.lockstep, "-q", *words], cwd=clone, env={**env, **more}, check=True)
            return (time.perf_counter() - start) * 1000, server.connections() - before

        def known():
            pass

        def forget():
            """As in a clone that never fetched: git-check asks first."""
            refs = subprocess.run(
                ["git", "-C", clone, "for-each-ref", "--format=delete %(refname)", "refs/lockstep/remotes"],
                env=env, check=True, capture_output=True,
            ).stdout
            subprocess.run(["git", "-C", clone, "update-ref", "--stdin"], input=refs, env=env, check=True)

        once(alias, {})
        print(f"{args.rounds} rounds; medians in ms      shared   apart   ratio  connections")
        for name, before in (("nothing changed elsewhere", known), ("never fetched", forget)):
            rows = []
            for _ in range(args.rounds):
                before()
                shared = once(alias, {})
                before()
                rows.append((shared, once(alias, apart)))
            times = [[row[side][0] for row in rows] for side in (0, 1)]
            made = [statistics.median(row[side][1] for row in rows) for side in (0, 1)]
            a, b = (statistics.median(column) for column in times)
            ratio = statistics.median(x / y for x, y in zip(*times))
            print(f"{name:<30} {a:8.1f} {b:7.1f} {ratio:7.2f}  {made[0]:.0f} and {made[1]:.0f}")
    finally:
        if server:
            server.end()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

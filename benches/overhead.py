#!/usr/bin/env python3
"""What lockstep costs, beside what it wraps: run pair by pair, medians and ratios.

    cargo build --release && python3 benches/overhead.py [ROUNDS]

Each pair is run in turn (A B A B ...), so that a machine whose speed drifts drifts for both.
Figures are wall time of whole processes in milliseconds. Everything happens in a temporary
directory, with a bare origin beside the clone and the user's git configuration left out.
"""

import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKSTEP = os.path.join(ROOT, "target", "release", "lockstep")
ROUNDS = int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 60


def environment(home):
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@example.com",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@example.com",
    }


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def project(base, env):
    """A module of five templates of 1 to 4 KiB, committed and pushed."""
    clone = os.path.join(base, "clone")
    git = lambda *args: subprocess.run(["git", "-C", clone, *args], env=env, check=True, capture_output=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", os.path.join(base, "origin.git")], env=env, check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", clone], env=env, check=True)
    write(os.path.join(clone, "lockstep.toml"), 'requires = ">=0.1"\n')
    write(os.path.join(clone, ".gitignore"), "/.dist/\n")
    write(os.path.join(clone, "profiles/prod.toml"), "[params]\nname = \"x\"\n")
    for number in range(1, 6):
        line = 'resource "terraform_data" "r{}" {{ input = "{{{{ name }}}}" }}\n'
        text = "".join(line.format(index) for index in range(15 * number))
        write(os.path.join(clone, f"modules/alpha/file{number}.tf"), text)
    git("add", "--all")
    git("commit", "-q", "-m", "begin")
    git("remote", "add", "origin", os.path.join(base, "origin.git"))
    git("push", "-q", "-u", "origin", "main")
    return clone


def many_files(clone, env, count):
    """So many small files in the repository, beside the project's own."""
    for number in range(count):
        directory = os.path.join(clone, "data", str(number // 500))
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, str(number)), "w", encoding="utf-8") as file:
            file.write(str(number))
    for words in (["add", "--all"], ["commit", "-q", "-m", "data"], ["push", "-q"]):
        subprocess.run(["git", "-C", clone, *words], env=env, check=True, capture_output=True)


def commits(clone, env, count):
    """A chain of commits without files, as small as lock records."""
    git = lambda *args: subprocess.run(
        ["git", "-C", clone, *args], env=env, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    ).stdout.strip()
    tree = git("hash-object", "-t", "tree", "-w", "--stdin")
    chain = []
    for number in range(count):
        parent = ["-p", chain[-1]] if chain else []
        chain.append(git("commit-tree", tree, *parent, "-m", f"record {number}"))
    return iter(chain)


def once(command, env, cwd):
    command = command() if callable(command) else command
    start = time.perf_counter()
    subprocess.run(command, env=env, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def pair(name, ours, theirs, env, cwd):
    for command in (ours, theirs):
        once(command, env, cwd)
    rows = [(once(ours, env, cwd), once(theirs, env, cwd)) for _ in range(ROUNDS)]
    a, b = (statistics.median(column) for column in zip(*rows))
    ratio = statistics.median(x / y for x, y in rows)
    difference = statistics.median(x - y for x, y in rows)
    print(f"{name:<58} {a:8.2f} {b:8.2f} {difference:+8.2f} {ratio:7.2f}")


def main():
    global LOCKSTEP
    if not os.path.exists(LOCKSTEP):
        sys.exit("no release build: cargo build --release")
    base = tempfile.mkdtemp(prefix="lockstep-bench-")
    # As it is installed: what a linker has just written starts up to a millisecond later.
    LOCKSTEP = shutil.copy(LOCKSTEP, base)
    try:
        env = environment(base)
        clone = project(base, env)
        true = shutil.which("true")
        unit = ["--", "alpha", "prod"]
        alias = [LOCKSTEP, "build", "git-check", "lock", "exec", "git-push", "unlock-any", *unit, true]
        fetch = "git fetch -q origin main && git status --porcelain"
        chain = commits(clone, env, 6 * (ROUNDS + 1))
        push = lambda: f"git push -q origin {next(chain)}:refs/bench/lock"
        pushes = lambda: ["sh", "-c", f"git fetch -q origin main && {push()} && {push()}"]
        both = lambda: ["sh", "-c", f"{push()} && {push()}"]
        lock = [LOCKSTEP, "lock", "unlock", *unit]

        def asking():
            """Somebody else each time, in a clone that has not asked for long: he does not know what is there."""
            env["LOCKSTEP_OWNER"] = f"bench{next(numbers)}"
            pathlib.Path(clone, ".git/lockstep/asked/origin").unlink(missing_ok=True)
            return lock

        numbers = itertools.count()
        bare = lambda: ["sh", "-c", f"{fetch} && {push()} && {true} && {push()}"]
        print(f"{ROUNDS} rounds; medians in ms{'':<35} {'ours':>8} {'beside':>8} {'diff':>8} {'ratio':>7}")
        pair("--version | git --version", [LOCKSTEP, "--version"], ["git", "--version"], env, clone)
        pair("build exec true (unchanged) | true", [LOCKSTEP, "build", "exec", *unit, true], [true], env, clone)
        check = [LOCKSTEP, "git-check", *unit]
        pair("git-check | git fetch && git status", check, ["sh", "-c", fetch], env, clone)
        pair("lock unlock, asking first | git fetch, two bare pushes", asking, pushes, env, clone)
        env["LOCKSTEP_OWNER"] = "bench"
        pair("lock unlock, going on | two bare pushes", lock, both, env, clone)
        pair("the usual alias | fetch, status, two bare pushes, true", alias, bare, env, clone)
        many_files(clone, env, 50_000)
        pair("git-check, 50,000 files | git fetch && git status", check, ["sh", "-c", fetch], env, clone)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

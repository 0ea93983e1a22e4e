#!/usr/bin/env python3
"""What projects of many units cost: listing, building, running a tool in each, finding what is affected.

    cargo build --release && python3 benches/scale.py [ROUNDS [UNITS...]]

Projects of 10, 100 and 1,000 units: modules in five profiles, whose configuration has three levels (all,
region, environment); two rendered files each; the tool is `true`. Every module uses one shared partial.
Rows, each beside something that does the least that could be done, run in turn with it (A B A B ...):

    list            `lockstep list`                        beside `find` over modules/ and profiles/
    build cold      `build -- '*' '*'`, nothing there      beside `cp -r` of its output
    build unchanged the same, all of it there              beside `git status`
    run -j 8        `build exec -- '*' '*' true`           beside `xargs -P 8` that starts as many `true`
    affected        20 changed modules (or all)            beside `git diff --stat`
    one partial     one shared partial changed             beside `git diff --stat`

Figures are medians of wall time of whole processes in milliseconds; `a unit` is what ours takes longer, for
each unit, in milliseconds; memory is the largest that a process of ours had, in MiB. The
program is target/release/lockstep, or what LOCKSTEP_BIN names. All happens in a temporary directory.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKSTEP = os.environ.get("LOCKSTEP_BIN") or os.path.join(ROOT, "target", "release", "lockstep")
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
UNITS = [int(word) for word in sys.argv[2:]] or [10, 100, 1000]
PROFILES = {"dev": "eu", "stage": "eu", "prod-eu": "eu", "prod-us": "us", "prod-ap": "us"}
PATIENCE = 300


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def project(base, modules, env):
    path = os.path.join(base, f"project-{modules}")
    write(os.path.join(path, "lockstep.toml"), 'requires = ">=0.1"\n[params]\nreplicas = 3\nowner = "platform"\n')
    write(os.path.join(path, ".gitignore"), "/.dist/\n")
    write(os.path.join(path, "profiles/all.toml"), 'abstract = true\n[params]\nzones = ["a", "b"]\nsize = "small"\n')
    for region in sorted(set(PROFILES.values())):
        write(os.path.join(path, f"profiles/{region}.toml"), f'abstract = true\nextends = ["all"]\n[params]\nregion = "{region}-1"\n')
    for profile, region in PROFILES.items():
        write(os.path.join(path, f"profiles/{profile}.toml"), f'extends = ["{region}"]\n[params]\nlabel = "{{{{ owner }}}}-{profile}"\n')
    write(os.path.join(path, "modules/_partials/tags.j2"), 'tags = { owner = "{{ owner }}", unit = "{{ module }}-{{ profile }}" }\n')
    for number in range(modules):
        module = os.path.join(path, "modules", f"m{number:04}")
        write(os.path.join(module, "module.toml"), f'[params]\nname = "n{number}"\n')
        write(os.path.join(module, "main.tf"), (
            'resource "terraform_data" "{{ name }}" {\n  input = "{{ label }}-{{ region }}-{{ size }}"\n'
            '  count = {{ replicas }}\n}\n{% for zone in zones %}# {{ zone }}\n{% endfor %}'
        ) * 8)
        write(os.path.join(module, "tags.tf"), 'locals {\n  {% include "_partials/tags.j2" %}}\n')
    git = lambda *args: subprocess.run(["git", "-C", path, *args], env=env, check=True, capture_output=True)
    git("init", "-q", "-b", "main")
    git("add", "--all")
    git("-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-q", "-m", "begin")
    return path


def timed(argv, env, cwd, stdin=None):
    """Wall time in milliseconds, and the largest resident set in MiB."""
    start = time.perf_counter()
    child = subprocess.Popen(
        argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
    )
    if stdin:
        child.stdin.write(stdin)
        child.stdin.close()
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    elapsed = (time.perf_counter() - start) * 1000
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{argv} failed: {said.decode()[:2000]}")
    return elapsed, usage.ru_maxrss / 1024


class Row:
    """One thing of ours and one beside it."""

    def __init__(self, name, ours, beside, before=None, stdin=None):
        self.name, self.ours, self.beside, self.before, self.stdin = name, ours, beside, before, stdin
        self.times, self.others, self.memory = [], [], 0

    def round(self, env, path):
        if self.before:
            self.before()
        elapsed, memory = timed(self.ours, env, path)
        self.times.append(elapsed)
        self.memory = max(self.memory, memory)
        self.others.append(timed(self.beside, env, path, self.stdin)[0])

    def show(self, units):
        ours, other = statistics.median(self.times), statistics.median(self.others)
        print(
            f"{units:>6}  {self.name:<16}{ours:9.1f}{other:9.1f}{ours / other:7.2f}x"
            f"{(ours - other) / units:9.3f}{self.memory:9.1f}",
            flush=True,
        )


def measure(base, units, env):
    modules = max(1, units // len(PROFILES))
    path = project(base, modules, env)
    copy = os.path.join(base, "copy")
    dist, state = os.path.join(path, ".dist"), os.path.join(path, ".git", "lockstep")
    build = [LOCKSTEP, "-q", "build", "--", "*", "*"]

    def cold():
        for directory in (dist, state, copy):
            shutil.rmtree(directory, ignore_errors=True)

    subprocess.run(build, env=env, cwd=path, check=True)
    rows = [
        Row("list", [LOCKSTEP, "list"], ["find", "modules", "profiles", "-name", "*.toml"]),
        Row("build cold", build, ["cp", "-r", dist, copy], before=cold),
        Row("build unchanged", build, ["git", "status", "--porcelain"]),
        Row(
            "run -j 8", [LOCKSTEP, "-q", "-j", "8", "build", "exec", "--", "*", "*", "true"],
            ["xargs", "-P", "8", "-n", "1", "true"], stdin=b"x\n" * units,
        ),
    ]
    for _ in range(ROUNDS):
        for row in rows:
            row.round(env, path)
    for row in rows:
        row.show(units)

    affected = [LOCKSTEP, "affected", "--base", "HEAD"]
    for name, change in (("affected", change_modules), ("one partial", change_partial)):
        change(path, modules)
        row = Row(name, affected, ["git", "diff", "--stat", "HEAD"])
        for _ in range(ROUNDS):
            row.round(env, path)
        row.show(units)
        subprocess.run(["git", "-C", path, "checkout", "-q", "--", "."], env=env, check=True)
    shutil.rmtree(path)
    shutil.rmtree(copy, ignore_errors=True)


def change_modules(path, modules):
    for number in range(min(20, modules)):
        with open(os.path.join(path, "modules", f"m{number:04}", "main.tf"), "a", encoding="utf-8") as file:
            file.write("# changed\n")


def change_partial(path, _modules):
    with open(os.path.join(path, "modules/_partials/tags.j2"), "a", encoding="utf-8") as file:
        file.write("# changed\n")


def main():
    global LOCKSTEP
    if not os.path.exists(LOCKSTEP):
        sys.exit("cargo build --release first")
    base = tempfile.mkdtemp(prefix="lockstep-scale-")
    # As it is installed: what a linker has just written starts up to a millisecond later.
    LOCKSTEP = shutil.copy(LOCKSTEP, base)
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env.update({"HOME": base, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
    print(f"{ROUNDS} rounds, {os.cpu_count()} processors; milliseconds, MiB")
    print(f"{'units':>6}  {'':<16}{'ours':>9}{'beside':>9}{'ratio':>8}{'a unit':>9}{'memory':>9}")
    try:
        for units in UNITS:
            measure(base, units, env)
    finally:
        shutil.rmtree(base, ignore_errors=True)


main()

#!/usr/bin/env python3
"""What rendering costs, beside `cp -r` of the same output and Jinja2 doing the same work.

    cargo build --release && python3 benches/render.py [ROUNDS [SECONDS]]

Projects of 1, 100 and 1,000 modules in three profiles, five templates of 1 to 4 KiB each. One process
renders one profile of all modules (`lockstep build -- '*' prod`): cold (no output yet), unchanged (all of
it there, and found so by a build before, as it is for every build of the day but the first two), and with
`--check`, which renders everything and compares it. Beside it `cp -r` copies the output, and Python renders
the same templates with Jinja2, cold: reading, compiling, rendering, writing. Runs take turns
(A B C A B C ...), so that a machine whose speed drifts drifts for all. Figures are medians of wall time of
whole processes in milliseconds; `work` is the time of an unchanged build less that of `lockstep --version`,
`3 profiles` a cold build of all. Cold means that neither output nor lock files are there; those of the
round before are moved away, for some file systems make files slowly where others were just removed.
A case takes ROUNDS rounds, or as many as fit into SECONDS, and at least three; the table says how many. The
program is target/release/lockstep, or what LOCKSTEP_BIN names. Jinja2 is installed into target/bench; where
that cannot be, its column is skipped. Everything else happens in a temporary directory.
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
VENV = os.path.join(ROOT, "target", "bench", "jinja2")
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 120
# For one process: what takes longer hangs, or the machine is of no use for measuring.
PATIENCE = 120
PROFILES = ("dev", "prod", "stage")

JINJA = """
import os, sys
from jinja2 import Environment, FileSystemLoader, StrictUndefined
source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
env = Environment(loader=FileSystemLoader(source), undefined=StrictUndefined,
                  keep_trailing_newline=True, cache_size=-1)
params = {"name": "x", "region": "eu-west", "replicas": 3, "zones": ["a", "b", "c"], "profile": "prod"}
for number in range(count):
    module = f"m{number:04}"
    out = os.path.join(target, module, "prod")
    os.makedirs(out)
    for file in range(1, 6):
        text = env.get_template(f"{module}/file{file}.tf").render(module=module, **params)
        with open(os.path.join(out, f"file{file}.tf"), "w") as handle:
            handle.write(text)
"""


def template(kilobytes, number):
    """HCL with expressions, a condition and a loop; every file of every module is another one."""
    block = (
        'resource "terraform_data" "r{i}_{n}" {{\n'
        '  input = "{{{{ name }}}}-{{{{ region }}}}-{{{{ module }}}}"\n'
        "  count = {{{{ replicas + {i} }}}}\n"
        "{{% if replicas > 2 %}}  triggers_replace = [{{% for zone in zones %}}"
        '"{{{{ zone }}}}",{{% endfor %}}]\n{{% endif %}}'
        "}}\n"
        "# {filler}\n"
    )
    text, index = "", 0
    while len(text) < kilobytes * 1024:
        text += block.format(i=index, n=number, filler="what this is for, in a line of prose " * 2)
        index += 1
    return text


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def project(base, modules, env):
    path = os.path.join(base, f"project-{modules}")
    write(os.path.join(path, "lockstep.toml"), 'requires = ">=0.1"\n[params]\nreplicas = 3\nzones = ["a", "b", "c"]\n')
    write(os.path.join(path, ".gitignore"), "/.dist/\n*.tmp\n")
    for profile in PROFILES:
        write(os.path.join(path, f"profiles/{profile}.toml"), '[params]\nregion = "eu-west"\n')
    for number in range(modules):
        module = os.path.join(path, "modules", f"m{number:04}")
        write(os.path.join(module, "module.toml"), '[params]\nname = "x"\n')
        for file, size in enumerate((1, 2, 2, 3, 4), start=1):
            write(os.path.join(module, f"file{file}.tf"), template(size, number))
    git = lambda *args: subprocess.run(["git", "-C", path, *args], env=env, check=True, capture_output=True)
    git("init", "-q", "-b", "main")
    git("add", "--all")
    git("-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-q", "-m", "begin")
    return path


def timed(argv, env, cwd):
    start = time.perf_counter()
    done = subprocess.run(argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
    elapsed = (time.perf_counter() - start) * 1000
    if done.returncode != 0:
        sys.exit(f"{argv} failed: {done.stderr.decode()[:2000]}")
    return elapsed


def jinja():
    """The interpreter that has Jinja2; none if it cannot be installed."""
    python = os.path.join(VENV, "bin", "python")
    has = lambda: subprocess.run([python, "-c", "import jinja2"], capture_output=True).returncode == 0
    try:
        if not (os.path.exists(python) and has()):
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "jinja2"], check=True, capture_output=True)
        return python if has() else None
    except (OSError, subprocess.CalledProcessError):
        return None


def same(a, b):
    return subprocess.run(["diff", "-r", "-x", ".lockstep", a, b], capture_output=True).returncode == 0


def measure(base, modules, env, python):
    path = project(base, modules, env)
    dist, locks = (os.path.join(path, ".dist"), os.path.join(path, ".git", "lockstep"))
    build = [LOCKSTEP, "-q", "build", "--", "*" if modules > 1 else "m0000", "prod"]
    begin, rounds = time.monotonic(), 0
    times = {name: [] for name in ("start", "cold", "unchanged", "check", "cp", "jinja", "every")}
    away = os.path.join(base, "away")

    def fresh():
        os.makedirs(away, exist_ok=True)
        for directory in (dist, locks):
            if os.path.exists(directory):
                os.rename(directory, os.path.join(away, str(len(os.listdir(away)))))

    while rounds < min(3, ROUNDS) or rounds < ROUNDS and time.monotonic() - begin < SECONDS:
        rounds += 1
        fresh()
        times["start"].append(timed([LOCKSTEP, "--version"], env, path))
        times["cold"].append(timed(build, env, path))
        copy = os.path.join(base, f"copy-{modules}-{rounds}")
        times["cp"].append(timed(["cp", "-r", dist, copy], env, path))
        # What changed less than about a second ago is not taken for unchanged.
        time.sleep(2)
        timed(build, env, path)
        times["unchanged"].append(timed(build, env, path))
        times["check"].append(timed([*build[:3], "--check", *build[3:]], env, path))
        if python:
            out = os.path.join(base, f"jinja-{modules}-{rounds}")
            times["jinja"].append(timed([python, "-c", JINJA, os.path.join(path, "modules"), out, str(modules)], env, path))
            if not same(dist, out):
                sys.exit("Jinja2 made other output")
        fresh()
        times["every"].append(timed([*build[:-1], "*"], env, path))
    return rounds, {name: statistics.median(list_) if list_ else None for name, list_ in times.items()}


def main():
    global LOCKSTEP
    if not os.path.exists(LOCKSTEP):
        sys.exit("cargo build --release first")
    base = tempfile.mkdtemp(prefix="lockstep-render-")
    # As it is installed: what a linker has just written starts up to a millisecond later.
    LOCKSTEP = shutil.copy(LOCKSTEP, base)
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env.update({"HOME": base, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
    python = jinja()
    print(f"at most {ROUNDS} rounds, {os.cpu_count()} processors; milliseconds; Jinja2 {'beside it' if python else 'skipped: it cannot be installed'}")
    print(f"{'modules':>8}{'cold':>9}{'cp -r':>9}{'ratio':>7}{'jinja2':>9}{'ratio':>7}{'unchanged':>11}{'work':>8}{'a unit':>8}{'--check':>9}{'3 profiles':>12}{'rounds':>8}")
    try:
        for modules in (1, 100, 1000):
            rounds, m = measure(base, modules, env, python)
            work = m["unchanged"] - m["start"]
            beside = f"{m['jinja']:9.1f}{m['jinja'] / m['cold']:6.1f}x" if python else f"{'-':>9}{'-':>7}"
            print(
                f"{modules:>8}{m['cold']:9.1f}{m['cp']:9.1f}{m['cold'] / m['cp']:6.2f}x{beside}"
                f"{m['unchanged']:11.1f}{work:8.1f}{work / modules:8.3f}{m['check']:9.1f}{m['every']:12.1f}{rounds:8}",
                flush=True,
            )
    finally:
        shutil.rmtree(base, ignore_errors=True)


main()

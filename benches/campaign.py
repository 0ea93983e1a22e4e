#!/usr/bin/env python3
"""Random histories of several people in one project, checked by what the tool really had in its directory.

    cargo build --release && python3 benches/campaign.py [--backend file ssh http dynamodb]
        [--rounds N | --runs N | --seconds N] [--seed N] [--clones N] [--scenes N] [--jobs N]
        [--only SCENE,SCENE] [--bin PROGRAM] [--keep DIRECTORY]

A round is one history in a world of its own: a bare origin, clones of several owners (two of one owner), two
modules in three units, sometimes under one lock, and a tool that writes down what it found below tok/, to
which every commit adds a file, and who was inside already. The scenes of a history are drawn from its seed:
changes that succeed, fail, are killed (lockstep, the tool, a wrapper around it, all of them, the git that
lockstep has started), stopped and continued, evicted, frozen; pushes and commits of others meanwhile; hidden
edits; lock refs that are deleted; a remote that goes away; faults of the servers (HTTP, DynamoDB).

At its end, with everything well again, each clone must get every unit through by typing what it is told.
Then the tool's log, the locks' records and the branch are compared; `histories/checks.py` has the rules.

Prints a summary for each backend, and for each violation the seed, the acts and what was wrong. `--seed` of that
with `--rounds 1` plays it again, as far as timing allows. Ends with 1 if anything was violated. `--keep` copies
the world of a violated round. The tool is a script, the servers are those of the tests: `cargo test --test
integration ssh` unpacks an sshd if the system has none; DynamoDB is played by moto.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
from histories import checks, hints, scenes  # noqa: E402
from histories.calls import alias  # noqa: E402
from histories.history import History, Stopped  # noqa: E402
from histories.world import BACKENDS, ROOT, UNITS, Servers, World  # noqa: E402


def program():
    """The release build, else the debug build."""
    found = [os.path.join(ROOT, "target", kind, "lockstep") for kind in ("release", "debug")]
    there = [path for path in found if os.path.exists(path)]
    return there[0] if there else sys.exit("no build: cargo build --release")


def play(servers, seed, options):
    """One history; its world, its kills and what was wrong."""
    base = os.path.join(options.base, f"{servers.backend}-{seed}")
    world = World(servers, base, options.bin, seed, options.clones, options.stop)
    history = History(world, seed, options.scenes, scenes.choice(servers.backend, options.only))
    try:
        world.note(f"scope {world.scope}, read_only {world.reading}")
        first = alias(world, world.clones[0], UNITS[0])
        first.wait()
        world.usual = min(first.end - first.start, 5)
        history.run()
        wrong = world.wrong + hints.bring_back(world) + checks.check(world)
    except Stopped:
        return None
    except Exception:
        wrong = [("campaign", traceback.format_exc())]
    finally:
        world.end()
    return world, history.kills, wrong


class Sum:
    """What came together for one backend."""

    def __init__(self, backend):
        self.backend, self.rounds, self.calls, self.tools, self.start = backend, 0, 0, 0, time.monotonic()
        self.kills, self.faults, self.codes = (collections.Counter() for _ in range(3))
        self.violations = []

    def add(self, seed, world, kills, wrong):
        self.rounds += 1
        self.calls += len(world.calls)
        self.tools += len([line for line in world.log() if line["e"] == "enter"])
        self.kills.update(kills)
        self.faults.update(world.injected)
        self.codes.update(call.code for call in world.calls)
        self.violations += [(seed, check, text) for check, text in wrong]

    def lines(self):
        seconds = time.monotonic() - self.start
        yield (f"{self.backend}: {self.rounds} rounds, {self.calls} runs of lockstep, {self.tools} tool runs "
               f"in {seconds:.0f} s, {len(self.violations)} violations")
        for name, counter in (("signals", self.kills), ("faults", self.faults), ("exit codes", self.codes)):
            told = ", ".join(f"{key} {count}" for key, count in sorted(counter.items(), key=lambda item: str(item[0])))
            yield f"  {name}: {told or 'none'}"
        by = collections.Counter(check for _, check, _ in self.violations)
        if by:
            yield "  violated: " + ", ".join(f"{check} {count}" for check, count in by.items())


def report(seed, world, wrong, keep):
    """A violated round, so that it can be understood and played again."""
    print(f"\nVIOLATED {world.backend}, seed {seed}:", flush=True)
    for check, text in wrong:
        print(f"  {check}: {text}")
    print("  acts:")
    for act in world.acts:
        print(f"    {act}")
    if keep:
        place = os.path.join(keep, os.path.basename(world.base))
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(world.base, place, symlinks=True)
        with open(os.path.join(place, "acts"), "w", encoding="utf-8") as file:
            file.write("\n".join([*world.acts, *(f"{check}: {text}" for check, text in wrong), ""]))
        print(f"  kept in {place}")
    sys.stdout.flush()


def campaign(backend, options):
    """Histories until there are enough of them."""
    total, base = Sum(backend), os.path.join(options.base, backend)
    os.makedirs(base)
    servers, guard = Servers(backend, base), threading.Lock()

    def enough(begun):
        late = options.seconds and time.monotonic() - total.start > options.seconds
        if late or options.stop.is_set():
            return True
        if options.runs:
            return total.tools >= options.runs
        return begun >= options.rounds if options.rounds or not options.seconds else False

    def one(seed):
        played = play(servers, seed, options)
        if not played or options.stop.is_set():
            return
        world, kills, wrong = played
        with guard:
            total.add(seed, world, kills, wrong)
            if wrong:
                report(seed, world, wrong, options.keep)
        shutil.rmtree(world.base, ignore_errors=True)

    try:
        begun, running = 0, set()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            while not enough(begun):
                running.add(pool.submit(one, options.seed + begun))
                begun += 1
                if len(running) >= options.jobs:
                    done, running = concurrent.futures.wait(running, return_when="FIRST_COMPLETED")
                    for future in done:
                        future.result()
            for future in running:
                future.result()
    finally:
        servers.end()
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=0, help="histories for each backend")
    parser.add_argument("--runs", type=int, default=0, help="runs of the tool for each backend")
    parser.add_argument("--seconds", type=float, default=0, help="time for each backend")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--clones", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=14, help="for each history")
    parser.add_argument("--jobs", type=int, default=1, help="histories at once")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=", ".join(scenes.NAMES))
    parser.add_argument("--bin", type=os.path.abspath, default=None)
    parser.add_argument("--keep", type=os.path.abspath, default=None)
    options = parser.parse_args()
    if unknown := [name for name in options.only if name not in scenes.NAMES]:
        parser.error(f"no such scene: {', '.join(unknown)}")
    if options.clones < 2:
        parser.error("two clones at least")
    options.bin = options.bin or program()
    if not (options.rounds or options.runs or options.seconds):
        options.rounds = 10
    options.seed = random.randrange(10**6) if options.seed is None else options.seed
    options.stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: options.stop.set())
    options.base = tempfile.mkdtemp(prefix="lockstep-campaign-")
    print(f"seed {options.seed}, {options.bin}", flush=True)
    totals = []
    try:
        for backend in options.backend:
            totals.append(campaign(backend, options))
            print("\n" + "\n".join(totals[-1].lines()), flush=True)
    finally:
        shutil.rmtree(options.base, ignore_errors=True)
    violations = sum(len(total.violations) for total in totals)
    print(f"\n{sum(total.tools for total in totals)} tool runs, {violations} violations")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()

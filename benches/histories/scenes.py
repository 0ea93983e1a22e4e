"""The acts of a history: what people, their machines and their servers do."""

import os
import signal
import sys
import time

from histories import hints
from histories.calls import ALIAS, Call
from histories.world import read, write

RECOVERY = ("build", "git-check", "lock", "git-push", "unlock")


def apply(h):
    h.perhaps_commit(h.clone)
    h.perhaps_follow(h.whole())


def plan(h):
    h.perhaps_commit(h.clone, 0.3)
    h.whole("plan", steps=ALIAS)


def fail(h):
    h.perhaps_commit(h.clone)
    call = h.whole("apply", "--code=1")
    if h.chance(0.3):
        h.whole("plan")
    if h.chance(0.4):
        h.whole(unit=h.rng.choice(h.world.units))
    if h.chance(0.5):
        h.attempt()
    if h.chance(0.5):
        h.perhaps_commit(h.clone, 0.5)
        h.perhaps_follow(h.whole(tool=call.tool), 0.3)


def kill(h):
    """kill -9 of one thing, while the tool is inside."""
    h.perhaps_commit(h.clone)
    target = h.rng.choice(("lockstep", "lockstep", "tool", "wrapper", "group", "both"))
    tool = h.rng.choice(("wrap", "pywrap")) if target in ("wrapper", "both") else h.tool()
    if target == "both" and not h.world.unprovable:
        tool = "wrap"
    call = h.begin("apply", *h.rng.choice(((), ("--graceful",), ("--stubborn",))), tool=tool)
    if call.until():
        h.kill(call, target)
    if target == "lockstep" and h.chance(0.3):
        time.sleep(0.05)
        h.kill(call, "wrapper")
    if target != "lockstep" and not h.chance(0.7):
        h.finish(call)
    else:
        h.leave(call)
    for _ in range(h.rng.randint(0, 2)):
        h.attempt(clone=h.clone if h.chance(0.6) else None)


def kill_sometime(h):
    """kill -9 at any moment from the start to the end."""
    h.perhaps_commit(h.clone)
    target = h.rng.choice(("lockstep", "lockstep", "group", "git"))
    call = h.begin(gate=False)
    h.moment()
    h.kill(call, target)
    h.finish(call)
    h.perhaps_follow(call)
    if h.chance(0.5):
        h.attempt(clone=h.clone if h.chance(0.6) else None)


def kill_after(h):
    """kill -9 of lockstep or its git right after the tool has succeeded."""
    h.perhaps_commit(h.clone, 0.9)
    call = h.begin(tool="tool")
    if call.until():
        call.open()
        target = h.rng.choice(("lockstep", "git", "git", "group"))
        call.until("exit")
        if target != "git":
            time.sleep(h.rng.random() * 0.1)
        h.kill(call, target)
    h.finish(call)
    call = h.perhaps_follow(call)
    if h.chance(0.5):
        h.world.note(f"  the line without exec: {recover(h, h.clone).code}")


def term(h):
    """SIGTERM to lockstep, as a CI's cancel or `kill`."""
    h.perhaps_commit(h.clone)
    call = h.begin("apply", *h.rng.choice(((), ("--graceful",), ("--stubborn",))))
    if h.chance(0.7):
        call.until()
    else:
        h.moment()
    h.kill(call, "lockstep", signal.SIGTERM)
    time.sleep(0.2)
    for _ in range(h.rng.randint(0, 2)):
        h.attempt(clone=h.clone if h.chance(0.6) else None)
    h.leave(call)


def leave(h):
    """The tool fails or is killed, and a child of it goes on."""
    h.perhaps_commit(h.clone)
    call = h.begin("apply", "--code=1", "--leave", tool=h.rng.choice(("tool", "wrap", "execwrap")))
    if not call.until("exit"):
        return
    h.leave(call)
    if h.chance(0.3):
        h.kill(call, "lockstep")
    for _ in range(h.rng.randint(1, 2)):
        h.attempt(clone=h.clone if h.chance(0.6) else None)


def evict(h):
    """Somebody takes the lock away while the tool is inside."""
    h.perhaps_commit(h.clone, 0.9)
    other = h.other(owner=True)
    call = h.begin()
    if call.until():
        h.evict(other)
        if h.chance(0.5):
            h.attempt(clone=other)
    h.finish(call)
    h.perhaps_follow(call, 0.3)


def evict_sometime(h):
    """Somebody takes the lock away at any moment; answers may be lost meanwhile."""
    h.perhaps_commit(h.clone, 0.9)
    if h.chance(0.5):
        disturb(h)
    call = h.begin(gate=False)
    for _ in range(3):
        time.sleep(h.rng.random() * h.world.usual * 0.5)
        # A look at the table would meet the faults.
        if not h.world.table and h.evict(h.other(owner=True)):
            break
        if h.world.table:
            line = f"lockstep --reason campaign unlock-any -- {h.unit.replace('/', ' ')}"
            hints.type_line(h.world, h.other(owner=True), line)
    h.finish(call)
    calm(h)


def lost_answer(h):
    """The answer to taking the lock (or to giving it back) is lost, and somebody evicts the run before it asks again."""
    h.perhaps_commit(h.clone, 0.9)
    other = h.other(owner=True)
    script = os.path.join(h.world.base, "bin", f"evict{h.number}")
    lines = [f"export {name}='{value}'" for name, value in {**h.world.env, "LOCKSTEP_OWNER": other.owner}.items()]
    words = f"exec lockstep --reason campaign unlock-any -- {h.unit.replace('/', ' ')} 2>>'{h.world.base}/evict.log'"
    write(script, "\n".join(["#!/bin/sh", *lines, f"cd '{other.path}' || exit", words, ""]))
    os.chmod(script, 0o755)
    at = ("push",) if h.world.backend == "http" else ("PutItem", "TransactWriteItems")
    skip = h.rng.randint(0, 1)
    rules = [{"at": what, "skip": skip, "times": 1, "do": {"run": [script], "done": True}} for what in at]
    h.world.note(f"  {other.name} evicts the run while the answer to {at[0]} {skip} is lost")
    h.world.disturbed = "lost answer"
    h.world.order(rules, "lost answer and eviction")
    call = h.finish(h.begin(gate=False))
    calm(h)
    h.perhaps_follow(call)


def evict_idle(h):
    """Somebody gives up what a run has left."""
    h.evict(h.clone)
    if h.chance(0.6):
        h.attempt(clone=h.clone)


def stop(h):
    """Stopped, evicted meanwhile, continued."""
    h.perhaps_commit(h.clone, 0.9)
    other, target = h.other(owner=True), h.rng.choice(("lockstep", "group"))
    call = h.begin(gate=h.chance(0.7))
    if h.chance(0.7):
        call.until()
    else:
        h.moment()
    if h.kill(call, target, signal.SIGSTOP):
        h.evict(other)
        h.attempt(clone=other)
        if h.chance(0.3):
            time.sleep(2.1)
        h.kill(call, target, signal.SIGCONT)
    h.finish(call)


def freeze(h):
    words = ["lockstep", "freeze", "--reason", "campaign", h.unit]
    call = Call(h.world, h.clone, words, note="freeze")
    h.world.note(f"  freeze: {call.wait()}")
    if call.code == 0:
        h.world.frozen.append([h.unit, call.end, None])
        h.attempt()
        thaw(h, h.unit)
        if h.chance(0.5):
            h.attempt()


def thaw(h, unit):
    for frozen in h.world.frozen:
        if frozen[0] == unit and not frozen[2]:
            frozen[2] = time.time()
    for _ in range(5):
        if hints.type_line(h.world, h.rng.choice(h.world.clones), f"lockstep thaw {unit}").code == 0:
            return


def lock_line(h):
    """A lock over several lines, given back by hand perhaps."""
    call = Call(h.world, h.clone, ["lockstep", "lock", "--", *h.unit.split("/")], note="lock")
    h.world.note(f"  lock: {call.wait()}")
    h.attempt(clone=h.other())
    if h.chance(0.7):
        hints.type_line(h.world, h.clone, f"lockstep unlock-any -- {h.unit.replace('/', ' ')}")
    else:
        h.whole()


def outside(h):
    """A push by plain git."""
    h.perhaps_commit(h.clone, 0.9)
    h.world.note(f"  {h.clone.name} pushes: {h.world.push(h.clone)}")


def outside_meanwhile(h):
    """A push by plain git while the tool is inside: 79, and what people do then."""
    h.perhaps_commit(h.clone, 0.9)
    other = h.other()
    call = h.begin()
    if call.until():
        h.world.sync(other)
        h.perhaps_commit(other, 1, h.unit if h.chance(0.6) else h.rng.choice(h.world.units))
        h.world.note(f"  {other.name} pushes: {h.world.push(other)}")
    h.finish(call)
    way = h.rng.choice(("hints", "hints", "evict", "elsewhere", "nothing"))
    if way == "hints":
        hints.follow(h.world, call, 3, repeat=True)
    if way == "evict":
        clone = h.other(owner=True)
        h.evict(clone)
        h.attempt(clone=clone)
    if way == "elsewhere":
        h.world.note(f"  the line without exec, elsewhere: {recover(h, h.other()).code}")


def recover(h, clone):
    """The documented line after a refused push, whether it fits or not."""
    h.world.sync(clone)
    call = Call(h.world, clone, ["lockstep", *RECOVERY, "--", *h.unit.split("/")], None, (h.unit,), "recovery")
    call.wait()
    return call


def recovery(h):
    h.world.note(f"  the line without exec: {recover(h, h.clone).code}")


def commit_meanwhile(h):
    """A commit in the same clone while the tool is inside."""
    h.perhaps_commit(h.clone)
    call = h.begin()
    if call.until():
        h.perhaps_commit(h.clone, 1)
    h.finish(call)
    h.perhaps_follow(call)


def stale_output(h):
    """Without `build`: what lies in .dist may be older than HEAD."""
    if h.chance(0.6):
        other = h.other()
        h.world.sync(other)
        h.perhaps_commit(other, 1)
        h.world.push(other)
    h.world.sync(h.clone)
    h.whole(steps=ALIAS[1:])


def head_moves(h):
    """HEAD moves between build and git-check."""
    other = h.other()
    h.world.sync(other)
    h.perhaps_commit(other, 1)
    h.world.push(other)
    pull = f"sh:-c:git -C {h.clone.path} pull -q --rebase"
    h.whole(steps=("build", pull, *ALIAS[1:]))


def hidden(h):
    """Edits that git does not show, and a profile that it ignores."""
    path, module = h.clone.path, h.unit.split("/")[0]
    way = h.rng.choice(("skip-worktree", "assume-unchanged", "ignored"))
    if way == "ignored":
        write(os.path.join(path, ".git", "info", "exclude"), "/profiles/ign.toml\n")
        write(os.path.join(path, "profiles", "ign.toml"), '[params]\ngreeting = "ignored"\n')
        h.whole(unit=f"{module}/ign", tool="tool")
        os.remove(os.path.join(path, "profiles", "ign.toml"))
        return
    name = h.rng.choice((f"modules/{module}/tok/base", f"profiles/{h.unit.split('/')[1]}.toml"))
    before = read(os.path.join(path, name))
    h.world.git(path, "update-index", f"--{way}", name)
    write(os.path.join(path, name), before.replace('"', '"hidden ', 1) if name.endswith("toml") else "hidden\n")
    h.whole(tool="tool")
    write(os.path.join(path, name), before)
    h.world.git(path, "update-index", f"--no-{way}", name)


def mirror(h):
    """Somebody's mirror push deletes the locks' refs, while nothing is held."""
    for call, _ in h.later:
        h.finish(call)
    h.later.clear()
    h.settle()
    h.world.look()
    if h.world.cut or [r for r in h.world.chain.now().values() if r["state"] != "free"]:
        return
    h.world.cut = time.time()
    h.world.chain.forget(h.world)
    h.attempt()
    h.attempt()


def race(h):
    """All at once."""
    for clone in h.world.clones:
        h.world.sync(clone)
        h.perhaps_commit(clone, 0.3)
    before = ("--wait", "3s") if h.chance(0.3) else ()
    calls = [h.begin(clone=clone, gate=False, before=before) for clone in h.world.clones]
    for call in calls:
        h.finish(call)
    for call in calls:
        h.perhaps_follow(call, 0.3)


def many(h):
    """Two units in one run, one of them evicted perhaps."""
    h.perhaps_commit(h.clone, 0.9)
    profile = "prod"
    words = ["lockstep", "-y", "-j", "2", *ALIAS, "--", "alpha,beta", profile, "tool", "apply", "--gate"]
    call = Call(h.world, h.clone, words, "apply", (f"alpha/{profile}", f"beta/{profile}"))
    call.tool = "tool"
    h.world.note(f"  {call.id}: {h.clone.name} applies alpha and beta")
    if call.until() and h.chance(0.6):
        h.evict(h.other(owner=True), h.rng.choice(call.units))
        # Later pushes bear another second.
        time.sleep(1.1)
    h.finish(call)


def finally_(h):
    """What a workflow does `finally`, and somebody who tries meanwhile."""
    h.perhaps_commit(h.clone)
    words = ["lockstep", "dep", "--", *h.unit.split("/"), "tool", "apply", f"--code={h.rng.randint(0, 1)}"]
    call = Call(h.world, h.clone, words, "apply", (h.unit,))
    call.tool = "tool"
    until = time.monotonic() + 60
    while time.monotonic() < until and call.code is None and not [e for e in call.lines() if e["kind"] == "final"]:
        time.sleep(0.02)
    h.attempt()
    h.finish(call)


def away(h):
    """The remote is away for a second, right after the tool's success."""
    h.perhaps_commit(h.clone, 0.7)
    call = h.begin()
    if call.until():
        call.disturbed = "away"
        h.world.away(True)
        call.open()
        call.until("exit")
        time.sleep(0.5 + h.rng.random() * 0.5)
        h.world.away(False)
    h.finish(call)
    h.perhaps_follow(call, 0.8)


def faults(h):
    """Faults of the server during a run."""
    h.perhaps_commit(h.clone)
    disturb(h)
    call = h.begin(gate=False)
    h.finish(call)
    calm(h)
    h.perhaps_follow(call)


def disturb(h):
    """Orders faults, on backends that have some."""
    if h.world.backend == "http":
        do = h.rng.choice(("before", "after", "torn", 500, 502, 503, {"delay": 0.5}))
        at = h.rng.choice(("push", "push", "push-refs", "fetch", "fetch-refs"))
    elif h.world.table:
        throttled = {"status": 400, "type": "ProvisionedThroughputExceededException", "message": "slower"}
        failing = {"status": 500, "type": "InternalServerError", "message": "no"}
        late = {**failing, "done": True}
        do = h.rng.choice(("before", "after", "after", "after", "torn", throttled, failing, late))
        at = h.rng.choice(("PutItem", "PutItem", "TransactWriteItems", "GetItem", "BatchGetItem"))
        do = "hang" if h.chance(0.05) else do
    else:
        return
    rule = {"at": at, "skip": h.rng.randint(0, 2), "times": h.rng.choice((1, 1, 2, 3, 6)), "do": do}
    what = do if isinstance(do, str) else str(do.get("type", "delay") if isinstance(do, dict) else do)
    h.world.note(f"  fault: {rule}")
    h.world.disturbed = what
    h.world.order([rule], what)


def calm(h):
    if h.world.disturbed:
        h.world.order([], "")
        h.world.disturbed = None


def older(h):
    """From an older tree."""
    path = h.clone.path
    if h.world.git(path, "rev-list", "--count", "origin/main..HEAD") != "0":
        return
    h.world.git(path, "reset", "-q", "--hard", f"HEAD~{h.rng.randint(1, 3)}", check=False)
    h.whole()
    h.world.sync(h.clone)


def stale_lock(h):
    """A git that was killed has left a lock file in the clone."""
    cache = os.path.join(h.clone.path, ".git", "refs")
    refs = [os.path.join(path, name) for path, _, names in os.walk(cache) for name in names]
    refs = [ref for ref in refs if "/lockstep/" in ref or "/remotes/" in ref]
    if not refs:
        return
    ref = h.rng.choice(sorted(refs))
    h.world.note(f"  {os.path.relpath(ref, h.clone.path)}.lock")
    write(ref + ".lock", "")
    other = h.other()
    h.world.sync(other)
    h.perhaps_commit(other, 1)
    h.whole(clone=other)
    call = h.whole()
    h.perhaps_follow(call, 0.8)


# How often each is drawn, and on which backends only.
SHARES = {
    apply: 8, plan: 4, fail: 5, kill: 8, kill_sometime: 6, kill_after: 5, term: 4, leave: 3, evict: 4, evict_sometime: 3,
    evict_idle: 3, stop: 3, freeze: 2, outside: 3, outside_meanwhile: 5, recovery: 2, commit_meanwhile: 3, stale_output: 3,
    head_moves: 2, hidden: 3, mirror: 1, race: 4, many: 3, finally_: 3, away: 4, faults: 10, lost_answer: 3, older: 2, stale_lock: 2,
    lock_line: 2,
}
ONLY = {mirror: ("file", "ssh", "http"), faults: ("http", "dynamodb"), lost_answer: ("http", "dynamodb")}
NAMES = {scene.__name__.rstrip("_"): scene for scene in SHARES}


def choice(backend, only=()):
    """The scenes for a backend with their shares, or those of them that are named."""
    wanted = [NAMES[name] for name in only] or SHARES
    found = [(scene, SHARES[scene]) for scene in wanted if backend in ONLY.get(scene, (backend,))]
    if not found:
        sys.exit(f"none of these scenes is for {backend}")
    return found

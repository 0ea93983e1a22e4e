"""The acts of a history. Each scene is drawn from numbers of its own, so that one that went another way
changes no later one."""

import os
import random
import signal
import time

from histories import hints
from histories.calls import ALIAS, Call, alias
from histories.world import TOOLS, read, write

RECOVERY = ("build", "git-check", "lock", "git-push", "unlock")
RELEASES = ("unlock", "unlock-any")


class Stopped(Exception):
    """Somebody wants the campaign to end."""


class History:
    """Acts in one world, one scene after the other."""

    def __init__(self, world, seed, scenes, only=()):
        self.world, self.seed, self.scenes, self.only = world, seed, scenes, only
        self.kills, self.later, self.number, self.rng = {}, [], 0, None

    def run(self):
        names = [name for name in SCENES if not self.only or name in self.only]
        for number in range(self.scenes):
            if self.world.stop.is_set():
                raise Stopped
            self.rng, self.number = random.Random(f"{self.seed}/{number}"), number
            usable = [name for name in names if not SCENES[name][1] or self.world.backend in SCENES[name][1]]
            name = self.rng.choices(usable, [SCENES[name][0] for name in usable])[0]
            self.unit, self.clone = self.rng.choice(self.world.units), self.rng.choice(self.world.clones)
            self.world.note(f"{number}. {name}: {self.clone.name} {self.unit}")
            if self.rng.random() < 0.7:
                self.world.sync(self.clone)
            globals()[f"scene_{name}"](self)
            self.open_due(number)
            self.world.look()
        self.open_due(self.scenes + 100)
        for call in self.world.calls:
            call.open()
            call.wait()
        self.settle()
        self.world.look()

    # The parts of which scenes consist.

    def chance(self, share):
        return self.rng.random() < share

    def other(self, owner=False):
        """Another clone; with `owner`, of another owner."""
        others = [c for c in self.world.clones if c is not self.clone and not (owner and c.owner == self.clone.owner)]
        return self.rng.choice(others or [self.clone])

    def tool(self):
        return self.rng.choice(("tool", "tool", *TOOLS))

    def steps(self):
        return (*ALIAS[:-1], self.rng.choice(RELEASES))

    def perhaps_commit(self, clone, share=0.7, unit=None):
        if self.chance(share):
            self.world.note(f"  {clone.name} commits {self.world.commit(clone, unit or self.unit)}")

    def begin(self, kind="apply", *flags, clone=None, unit=None, tool=None, gate=True, **more):
        """A call that goes on in the background, its tool behind a gate."""
        flags = (*flags, "--gate") if gate else flags
        tool, more["steps"] = tool or self.tool(), more.get("steps") or self.steps()
        call = alias(self.world, clone or self.clone, unit or self.unit, kind, *flags, tool=tool, **more)
        call.tool = tool
        self.world.note(f"  {call.id}: {call.clone.name} {tool} {kind} {' '.join(flags)} on {call.units[0]}")
        return call

    def finish(self, call):
        call.open()
        code = call.wait()
        self.world.note(f"  {call.id} ends with {code}")
        self.world.remove_locks(call.stderr())
        return call

    def whole(self, *args, **more):
        """A call from its start to its end."""
        return self.finish(self.begin(*args, gate=False, **more))

    def attempt(self, clone=None, **more):
        """Somebody tries the same unit meanwhile, with a commit of theirs perhaps."""
        clone = clone or self.rng.choice(self.world.clones)
        self.world.sync(clone)
        self.perhaps_commit(clone, 0.4)
        return self.whole(clone=clone, **more)

    def perhaps_follow(self, call, share=0.6):
        if call.code and self.chance(share):
            call = hints.follow(self.world, call, 3, repeat=self.chance(0.5))
        return call

    def kill(self, call, target, sig=signal.SIGKILL):
        if call.hit(target, sig):
            name = f"{signal.Signals(sig).name[3:].lower()} {target}"
            self.kills[name] = self.kills.get(name, 0) + 1
            self.world.note(f"  {name} of {call.id}")
            return True
        return False

    def leave(self, call):
        """What is left of the call's tool goes on for some scenes."""
        self.later.append((call, self.number + self.rng.randint(0, 3)))

    def open_due(self, number):
        for call, due in list(self.later):
            if due <= number:
                call.open()
                self.later.remove((call, due))

    def evict(self, clone, unit=None):
        """Takes the lock from exactly the run that the remote shows."""
        unit = unit or self.unit
        self.world.look()
        record = self.world.record(unit)
        if not record or record["state"] not in ("held", "failed"):
            return None
        words = ["lockstep", "--expect", str(record["generation"]), "--reason", "campaign", "unlock-any", "--"]
        call = Call(self.world, clone, [*words, *unit.split("/")], note="evict")
        self.world.note(f"  {clone.name} evicts run {record['run'][:8]} from {unit}: {call.wait()}")
        return call

    def settle(self):
        """Whatever tools are left have ended."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if not [line for call in self.world.calls for line in call.lines() if call.owns(line["pid"])]:
                return
            time.sleep(0.05)

    def moment(self):
        """Some time after the start, up to a little more than a run takes."""
        time.sleep(self.rng.random() * self.world.usual * 1.2)


def scene_apply(h):
    h.perhaps_commit(h.clone)
    h.perhaps_follow(h.whole())


def scene_plan(h):
    h.perhaps_commit(h.clone, 0.3)
    h.whole("plan", steps=ALIAS)


def scene_fail(h):
    h.perhaps_commit(h.clone)
    call = h.whole("apply", "--code=1")
    if h.chance(0.3):
        h.whole("plan")
    if h.chance(0.5):
        h.attempt()
    if h.chance(0.5):
        h.perhaps_commit(h.clone, 0.5)
        h.perhaps_follow(h.whole(tool=call.tool), 0.3)


def scene_kill(h):
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


def scene_kill_sometime(h):
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


def scene_kill_after(h):
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


def scene_term(h):
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


def scene_leave(h):
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


def scene_evict(h):
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


def scene_evict_sometime(h):
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


def scene_evict_idle(h):
    """Somebody gives up what a run has left."""
    h.evict(h.clone)
    if h.chance(0.6):
        h.attempt(clone=h.clone)


def scene_stop(h):
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


def scene_freeze(h):
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


def scene_outside(h):
    """A push by plain git."""
    h.perhaps_commit(h.clone, 0.9)
    h.world.note(f"  {h.clone.name} pushes: {h.world.push(h.clone)}")


def scene_outside_meanwhile(h):
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


def scene_recover(h):
    h.world.note(f"  the line without exec: {recover(h, h.clone).code}")


def scene_commit_meanwhile(h):
    """A commit in the same clone while the tool is inside."""
    h.perhaps_commit(h.clone)
    call = h.begin()
    if call.until():
        h.perhaps_commit(h.clone, 1)
    h.finish(call)
    h.perhaps_follow(call)


def scene_stale_output(h):
    """Without `build`: what lies in .dist may be older than HEAD."""
    if h.chance(0.6):
        other = h.other()
        h.world.sync(other)
        h.perhaps_commit(other, 1)
        h.world.push(other)
    h.world.sync(h.clone)
    h.whole(steps=ALIAS[1:])


def scene_head_moves(h):
    """HEAD moves between build and git-check."""
    other = h.other()
    h.world.sync(other)
    h.perhaps_commit(other, 1)
    h.world.push(other)
    pull = f"sh:-c:git -C {h.clone.path} pull -q --rebase"
    h.whole(steps=("build", pull, *ALIAS[1:]))


def scene_hidden(h):
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


def scene_mirror(h):
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


def scene_race(h):
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


def scene_many(h):
    """Two units in one run, one of them evicted perhaps."""
    h.perhaps_commit(h.clone, 0.9)
    profile = "prod"
    words = ["lockstep", "-y", "-j", "2", *ALIAS, "--", "alpha,beta", profile, "tool", "apply", "--gate"]
    call = Call(h.world, h.clone, words, "apply", (f"alpha/{profile}", f"beta/{profile}"))
    call.tool = "tool"
    h.world.note(f"  {call.id}: {h.clone.name} applies alpha and beta")
    if call.until() and h.chance(0.6):
        h.evict(h.other(owner=True), h.rng.choice(call.units))
    h.finish(call)


def scene_finally(h):
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


def scene_away(h):
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


def scene_faults(h):
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


def scene_older(h):
    """From an older tree."""
    path = h.clone.path
    if h.world.git(path, "rev-list", "--count", "origin/main..HEAD") != "0":
        return
    h.world.git(path, "reset", "-q", "--hard", f"HEAD~{h.rng.randint(1, 3)}", check=False)
    h.whole()
    h.world.sync(h.clone)


def scene_stale_lock(h):
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


# How often, and where only.
SCENES = {
    "apply": (8, ()), "plan": (4, ()), "fail": (5, ()), "kill": (8, ()), "kill_sometime": (6, ()), "kill_after": (5, ()),
    "term": (4, ()), "leave": (3, ()), "evict": (4, ()), "evict_sometime": (3, ()), "evict_idle": (3, ()), "stop": (3, ()),
    "freeze": (2, ()), "outside": (3, ()), "outside_meanwhile": (5, ()), "recover": (2, ()), "commit_meanwhile": (3, ()),
    "stale_output": (3, ()), "head_moves": (2, ()), "hidden": (3, ()), "mirror": (1, ("file", "ssh", "http")),
    "race": (4, ()), "many": (3, ()), "finally": (3, ()), "away": (4, ()), "faults": (12, ("http", "dynamodb")),
    "older": (2, ()), "stale_lock": (2, ()),
}

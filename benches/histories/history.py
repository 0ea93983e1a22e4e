"""A history: one scene after the other in one world, and the parts of which scenes consist.

Each scene is drawn from numbers of its own, so that one that went another way changes no later one.
"""

import random
import signal
import time

from histories import hints
from histories.calls import ALIAS, Call, alias
from histories.world import TOOLS

RELEASES = ("unlock", "unlock-any")


class Stopped(Exception):
    """Somebody wants the campaign to end."""


class History:
    """Acts in one world, one scene after the other."""

    def __init__(self, world, seed, number, scenes):
        self.world, self.seed, self.scenes, self.all = world, seed, number, scenes
        self.kills, self.later, self.number, self.rng = {}, [], 0, None

    def run(self):
        for number in range(self.scenes):
            if self.world.stop.is_set():
                raise Stopped
            self.rng, self.number = random.Random(f"{self.seed}/{number}"), number
            scene = self.rng.choices([scene for scene, _ in self.all], [share for _, share in self.all])[0]
            self.unit, self.clone = self.rng.choice(self.world.units), self.rng.choice(self.world.clones)
            self.world.note(f"{number}. {scene.__name__}: {self.clone.name} {self.unit}")
            if self.chance(0.8):
                self.world.sync(self.clone)
                if self.chance(0.6):
                    self.world.push(self.clone)
            scene(self)
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

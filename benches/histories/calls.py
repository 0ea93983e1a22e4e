"""One call of lockstep: started in a clone, watched, and killed in one of many ways."""

import os
import signal
import subprocess
import threading
import time

from histories.world import read

ALIAS = ("build", "git-check", "lock", "exec", "git-push", "unlock-any")
# A machine under load is slow; what takes longer than this hangs.
FOR_EVER = 180


class Call:
    """`kind`: plan, apply, or none where no tool is to run."""

    def __init__(self, world, clone, words, kind=None, units=(), note=""):
        self.world, self.clone, self.words, self.kind, self.units, self.note = world, clone, words, kind, units, note
        with world.guard:
            world.calls.append(self)
            self.id = f"k{len(world.calls)}"
        self.signals, self.code, self.end, self.disturbed = [], None, None, world.disturbed
        self.said = os.path.join(world.base, "said", self.id)
        env = {**world.env, "LOCKSTEP_OWNER": clone.owner, "CAMPAIGN_CALL": self.id}
        with open(self.said, "wb") as stderr:
            self.start = time.time()
            # A group of its own, as a shell with job control makes one for each line.
            self.process = subprocess.Popen(words, cwd=clone.path, env=env, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
        self.waiter = threading.Thread(target=self.wait_for_end, daemon=True)
        self.waiter.start()

    def wait_for_end(self):
        code = self.process.wait()
        self.end = time.time()
        self.code = code if code >= 0 else 128 - code

    def wait(self):
        """Its exit code; -1 if it hangs."""
        self.waiter.join(FOR_EVER)
        if self.code is None:
            self.world.wrong.append(("hangs", f"{self.id} did not end within {FOR_EVER} s: {self.words}"))
            self.hit("group", signal.SIGKILL)
            self.waiter.join(FOR_EVER)
            return -1
        return self.code

    def stderr(self):
        return read(self.said)

    def lines(self, event="enter"):
        return [line for line in self.world.log() if line["call"] == self.id and line["e"] == event]

    def until(self, event="enter"):
        """Waits until the tool says so; its line, or none if lockstep ends without it."""
        until = time.monotonic() + FOR_EVER
        while time.monotonic() < until:
            ended = self.code is not None
            if found := self.lines(event):
                return found[-1]
            if ended:
                return None
            time.sleep(0.01)
        return None

    def open(self):
        self.world.open_gate(self.id)

    def changed(self):
        """A tool that changes things ran under it."""
        return any(line["kind"] != "plan" for line in self.lines())

    # What is done to it.

    def hit(self, target, sig=signal.SIGKILL):
        """Sends the signal to one of its processes; whether there was one."""
        pids = self.targets(target)
        for pid in pids:
            try:
                os.killpg(pid, sig) if target == "group" else os.kill(pid, sig)
            except ProcessLookupError:
                pids = [other for other in pids if other != pid]
        if pids:
            self.signals.append((time.time(), target, signal.Signals(sig).name))
        return bool(pids)

    def targets(self, target):
        alive = self.code is None
        if target in ("lockstep", "group"):
            return [self.process.pid] if alive else []
        if target == "git":
            return self.children("git", 3) if alive else []
        found = []
        for line in self.lines():
            tool, wrapper = line["pid"], line["parent"]
            wanted = {"tool": [tool], "wrapper": [wrapper], "both": [wrapper, self.process.pid]}[target]
            found += [pid for pid in wanted if self.owns(pid) and (target != "wrapper" or pid != self.process.pid)]
        return list(dict.fromkeys(found))

    def owns(self, pid):
        """The process is still the one that this call started."""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return f"CAMPAIGN_CALL={self.id}\0".encode() in file.read() + b"\0"
        except OSError:
            return False

    def children(self, name, seconds):
        """The first process of that name that lockstep starts from now on."""
        tasks, until = f"/proc/{self.process.pid}/task", time.monotonic() + seconds
        while time.monotonic() < until and self.code is None:
            try:
                pids = " ".join(read(f"{tasks}/{task}/children") for task in os.listdir(tasks)).split()
                for pid in pids:
                    if read(f"/proc/{pid}/comm").strip() == name:
                        return [int(pid)]
            except OSError:
                pass
            time.sleep(0.001)
        return []


def alias(world, clone, unit, kind="apply", *flags, tool="tool", steps=ALIAS, before=(), note=""):
    """The usual pipeline with the tool."""
    words = ["lockstep", *before, *steps, "--", *unit.split("/"), tool, kind, *flags]
    return Call(world, clone, words, kind, (unit,), note)

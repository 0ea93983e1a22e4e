"""Types what lockstep prints as `hint:`, as a person does who reads no further."""

import re
import subprocess

from histories.calls import Call, alias

# Up to where the sentence goes on.
COMMAND = re.compile(r"(?:^|[:`] |`)((?:git|lockstep|rm) (?:(?!, )[^`(])+)")


def commands(stderr):
    """The command lines of the hints, in their order; None for `the same again`."""
    found = []
    for line in stderr.splitlines():
        if not line.startswith("hint: "):
            continue
        text = line.removeprefix("hint: ")
        if match := COMMAND.search(text):
            found.append(match[1].strip())
        elif "same again" in text:
            found.append(None)
    return found


def type_line(world, clone, line):
    """One line, in a shell, in the clone, up to the first part that fails; the call of its last part."""
    line = line.replace("TEXT", "'the campaign says so'")
    world.note(f"  {clone.name} types: {line}")
    for part in line.split(" && "):
        if part.startswith("git push"):
            world.pushed.add(world.head(clone.path))
        # `exec`, so that the process of the call is the one that the lock's record names.
        call = Call(world, clone, ["sh", "-c", f"exec {part}"], note="typed")
        call.open()
        if call.wait():
            break
    # git names a lock file that a killed git has left in the clone, and says to remove it.
    world.remove_locks(call.stderr(), world.base)
    world.note(f"  -> {call.code}")
    return call


def follow(world, call, limit, evict=False, repeat=False):
    """Types hints until something ends well, so many times at most; the last call."""
    clone, seen = call.clone, set()
    for _ in range(8):
        if call.code == 0:
            break
        world.remove_locks(call.stderr())
        lines = [line for line in commands(call.stderr()) if evict or not line or "unlock-any" not in line.split(" -- ")[0].split()]
        fresh = [line for line in lines if line not in seen]
        if not fresh:
            break
        # The way on comes first, giving the lock up last.
        line = fresh[0]
        seen.add(line)
        if line is None:
            if not repeat:
                break
            call = same(world, call)
        else:
            call = type_line(world, clone, line)
    return call


def same(world, call):
    world.note(f"  {call.clone.name} runs the same again")
    again = Call(world, call.clone, call.words, call.kind, call.units, "again")
    again.open()
    again.wait()
    world.note(f"  -> {again.code}")
    return again


def apply(world, clone, unit):
    call = alias(world, clone, unit, note="at the end")
    call.open()
    world.note(f"  {clone.name} applies {unit} -> {call.wait()}")
    world.remove_locks(call.stderr())
    return call


def bring_back(world):
    """With nothing left running and the remote well: each clone gets every unit through, by what it is told. What was wrong."""
    todo = [(unit, clone) for unit in world.units for clone in world.clones]
    said = {}
    # The owner first; and a colleague takes the lock away only when the owner could not go on.
    for attempt in range(8):
        world.look()
        todo.sort(key=lambda pair: world.distance(*pair))
        for pair in list(todo):
            if world.stop.is_set():
                return []
            unit, clone = pair
            call = apply(world, clone, unit)
            if call.code == 0:
                todo.remove(pair)
                continue
            said.setdefault(pair, []).append(f"{call.code}: {call.stderr().strip()}")
            follow(world, call, 3, evict=attempt > 1)
        if not todo:
            break
    wrong = [("stuck", f"{clone.name} cannot apply {unit}: {said[unit, clone][0]} … {said[unit, clone][-1]}") for unit, clone in todo]
    world.look()
    for key, record in world.chain.now().items():
        if record["state"] != "free":
            wrong.append(("stuck", f"at the end {key} is {record['state']} by {record['owner']}, run {record['run']}"))
    return wrong

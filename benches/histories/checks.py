"""What must hold, checked by what the tools found in their directories and by what the remote holds."""

import datetime
import os
import re

from histories.world import read

FREE_BY_RUN = ("released", "given_back")
TAKEN = ("acquired", "taken_over")


class Seen:
    """A history, looked back at."""

    def __init__(self, world):
        self.world, self.lines = world, world.log()
        self.calls = {call.id: call for call in world.calls}
        self.chains = world.chain.whole()
        self.records = {}
        for records in self.chains.values():
            for record in records:
                self.records.setdefault(record["run"], []).append(record)
        self.entries = [self.entry(line) for line in self.lines if line["e"] == "enter"]
        self.evicted = self.evictions()
        self.cache = {}

    def entry(self, line):
        """A tool's enter with its exit."""
        ends = [end for end in self.lines if end["e"] == "exit" and end["pid"] == line["pid"] and end["t"] >= line["t"]]
        end = ends[0] if ends else None
        return {**line, "code": end["code"] if end else None, "exit": end["t"] if end else None,
                "clone": self.calls[line["call"]].clone}

    def evictions(self):
        """Each run whose lock a person took, with when that was recorded."""
        found = {}
        for records in self.chains.values():
            for before, record in zip(records, records[1:]):
                if record["act"] == "evicted":
                    call = self.call_of(record)
                    # What the campaign did not start itself is known by the record's second.
                    found[before["run"]] = call.end if call and call.end else when(record) + 1
        return found

    def call_of(self, record):
        """The call that wrote the record: its process, or the shell that became it."""
        second = when(record)
        return next((call for call in self.calls.values() if call.process.pid == record["pid"]
                     and call.start - 2 <= second <= (call.end or second) + 2), None)

    def changes(self, **wanted):
        """Tools' entries that change things."""
        # A `finally` of a run that never had its lock only tells that it was refused.
        told = [e for e in self.entries if e["kind"] == "apply" or e["kind"] == "final" and e["run"] in self.records]
        return [e for e in told if all(e[name] == value for name, value in wanted.items())]

    def tokens(self, commit, unit):
        """What a tool would find of a commit: names with ids, and the rendered text."""
        if (commit, unit) not in self.cache:
            module, profile = unit.split("/")
            tree = self.world.git(self.world.every, "ls-tree", commit, f"modules/{module}/tok/", check=False)
            told = self.world.git(self.world.every, "show", f"{commit}:profiles/{profile}.toml", check=False)
            self.cache[commit, unit] = None
            if tree is not None and told is not None:
                lines = [line.split() for line in tree.splitlines()]
                tok = {os.path.basename(path): oid for _, _, oid, path in lines}
                self.cache[commit, unit] = tok, f"hello {told.split(chr(34))[1]} {module}"
        return self.cache[commit, unit]

    def recorded(self, entry, before=float("inf")):
        """The entry's success is in the chain: by its own run, or by one that went on from it, and that began before then."""
        def known(record):
            call = self.call_of(record)
            return not call or call.start < before
        records = self.records.get(entry["run"], [])
        commit = next((r["commit"] for r in records if r.get("commit")), None)
        # A run of several units has a lock for each.
        own = [r for r in records if self.world.covers(r["key"], entry["unit"])]
        if any(r["effect"] == "applied" and r["act"] in ("released", "failed", "pushed") for r in own):
            return True
        return any(r.get("applied") == commit and known(r) for key, records in self.chains.items() for r in records
                   if commit and self.world.covers(key, entry["unit"]))

    def before_cut(self, entry):
        return bool(self.world.cut) and entry["t"] < self.world.cut


def when(record):
    """The second in which it was written."""
    return datetime.datetime.fromisoformat(record["time"]).timestamp()


def check(world):
    """Everything that was wrong, as (check, text)."""
    seen = Seen(world)
    wrong = []
    for one in (one_inside, never_older, applied_is_what_ran, all_committed, generations, evicted_runs,
                explained_pushes, kept_on_failure, codes, frozen, not_forgotten):
        wrong += [(one.__name__, text) for text in one(seen)]
    return wrong


def short(tok):
    return " ".join(f"{name}={oid[:4]}" for name, oid in sorted(tok.items()))


def one_inside(seen):
    """(1) Never two changing tools inside one unit, and no locked look beside a change."""
    looks = [e for e in seen.entries if e["kind"] == "plan" and seen.world.reading == "run"]
    for entry in seen.changes() + looks:
        for inside in entry["over"]:
            runs = [e["run"] for e in seen.changes(call=inside, unit=entry["unit"])]
            if runs and not any(run in seen.evicted for run in runs):
                yield (f"{entry['call']} ({entry['clone'].name}, {entry['kind']}) entered {entry['unit']} "
                       f"while {inside} ({seen.calls[inside].clone.name}) was inside")


def never_older(seen):
    """(2) No changing tool runs on a tree that lacks what an apply that is recorded had."""
    for entry in seen.changes():
        if "--accept-rewrite" in seen.calls[entry["call"]].words:
            continue
        # Nothing holds back a command that runs already when a person takes its lock away.
        started = entry["born"] if entry["run"] in seen.evicted else entry["t"]
        for past in seen.changes(unit=entry["unit"], code=0):
            if past["exit"] >= started or not seen.recorded(past, started):
                continue
            if seen.before_cut(past) and not seen.before_cut(entry) and past["clone"] is not entry["clone"]:
                continue
            if missing := [name for name in past["tok"] if name not in entry["tok"]]:
                yield (f"{entry['call']} ({entry['clone'].name}) changed {entry['unit']} without {missing}, "
                       f"which {past['call']} ({past['clone'].name}) had applied")


def applied_is_what_ran(seen):
    """(3) `applied` names a commit that has for the unit exactly what the last successful tool found."""
    for key, chains in seen.world.chain.chains.items():
        applied, last_unit = None, None
        for chain, record in ((chain, record) for chain in chains for record in chain):
            before, applied = applied, record.get("applied")
            # An eviction names the unit that the person named, not that of the run.
            unit_of, last_unit = (last_unit if record["act"] == "evicted" else record["unit"]), record["unit"]
            if applied is None or applied == before or record["act"] in TAKEN:
                continue
            call = seen.call_of(record)
            until = call.end if call and call.end else float("inf")
            for unit in seen.world.units:
                own = [e for e in seen.changes(unit=unit, run=record["run"]) if e["code"] == 0]
                # A run without a tool of its own goes on from the last one that its chain tells of: what
                # was recorded in a chain that was lost since, nobody may know who goes on from an older one.
                if not own and unit_of == unit and not [e for e in seen.changes(run=record["run"]) if e["code"] == 0]:
                    told = {r["run"] for r in chain}
                    own = [e for e in seen.changes(unit=unit)
                           if e["t"] < until and (len(chains) == 1 or e["run"] in told)][-1:]
                if not own or not seen.world.covers(key, unit):
                    continue
                last, tokens = own[-1], seen.tokens(applied, unit)
                if last["code"] != 0:
                    yield f"{key} generation {record['generation']} records {applied[:8]} as applied, but {last['call']} failed"
                elif tokens is None or tokens[0] != last["tok"]:
                    yield (f"{key} generation {record['generation']} ({record['act']}) records {applied[:8]} as applied, with "
                           f"{short(tokens[0]) if tokens else None}; {last['call']} found {short(last['tok'])}")


def all_committed(seen):
    """(4) A changing tool finds exactly what the commit of its run's record holds."""
    for entry in seen.changes():
        records = [r for r in seen.records.get(entry["run"], []) if r.get("commit")]
        if entry["unit"] not in seen.world.units:
            yield f"{entry['call']} ran on {entry['unit']}, of which nothing is committed"
        elif not records:
            if not seen.world.chain.gaps:
                yield f"{entry['call']} ran on {entry['unit']} with no record of its lock"
        else:
            tokens = seen.tokens(records[0]["commit"], entry["unit"])
            if tokens != (entry["tok"], entry["conf"]):
                yield (f"{entry['call']} found {short(entry['tok'])}, {entry['conf']!r}; its commit {records[0]['commit'][:8]} "
                       f"has {(short(tokens[0]), tokens[1]) if tokens else None}")


def generations(seen):
    """(5) Generations never shrink nor repeat."""
    for key, chains in seen.world.chain.chains.items():
        for records in chains:
            for before, record in zip(records, records[1:]):
                more = record["act"] in (*TAKEN, "evicted")
                if record["generation"] < before["generation"] + more:
                    yield f"{key}: {record['act']} has generation {record['generation']} after {before['generation']}"
        # `@all/@all` is nobody's lock.
        if len(chains) > 1 and chains[1] and key != "@all/@all":
            # Who knew the chain that is gone goes on from it.
            first, call = chains[1][0], seen.call_of(chains[1][0])
            known = [r["generation"] for r in chains[0] if call and (c := seen.call_of(r)) and c.clone is call.clone]
            if known and first["generation"] <= max(known):
                yield f"{key}: begun anew with generation {first['generation']} by {call.clone.name}, which knew {max(known)}"


def evicted_runs(seen):
    """(5) Evicted means 76, and for good."""
    for key, records in seen.chains.items():
        for number, record in enumerate(records[1:], 1):
            if record["act"] != "evicted":
                continue
            run = records[number - 1]["run"]
            if any(later["run"] == run for later in records[number + 1:]):
                yield f"{key}: run {run[:8]} was evicted (generation {record['generation']}) and came back"
            call = next((c for c in (seen.call_of(r) for r in seen.records[run]) if c), None)
            killed = call and [s for s in call.signals if s[2] in ("SIGKILL", "SIGTERM") and s[1] not in ("tool", "wrapper")]
            if not call or call.code is None or killed:
                continue
            end = seen.evicted[run]
            own = seen.changes(run=run)
            # What it recorded before counts: then its lock was only kept, for another unit's sake.
            settled = records[number - 1]["act"] in ("given_back", "failed")
            wrapped = any(s[1] == "wrapper" for s in call.signals)
            if call.code == 0 and call.end > end and not settled:
                yield f"{call.id} was evicted from {key} and ended with 0"
            elif call.end > end and own and all(e["code"] == 0 for e in own) and call.code not in (0, 76) and not (
                    call.disturbed or wrapped):
                # A run of several units ends with the code of the first that failed, and tells of each.
                if len(call.units) < 2 or not re.search("exit 76|was lost|was taken from this run", call.stderr()):
                    yield f"{call.id} was evicted from {key} and ended with {call.code}"


def explained_pushes(seen):
    """(5) The branch moved only by plain pushes, and by runs that held their locks, all of them."""
    holding = ("pushed", "released", "given_back", "failed", *(TAKEN if seen.world.table else ()))
    told = [(run, r) for run, records in seen.records.items() for r in records if r["act"] in holding]
    for line in read(os.path.join(seen.world.origin, "logs", "refs", "heads", "main")).splitlines():
        words, new = line.partition("\t")[0].split(), line.split()[1]
        if new in seen.world.pushed:
            continue
        runs = {run for run, record in told if new in (record.get("commit"), record.get("applied"))}
        # A table and a branch are not one: an eviction may come between the last look and the push.
        grace = 4 if seen.world.table else 0
        late = {run for run in runs if run in seen.evicted and int(words[-2]) > seen.evicted[run] + grace}
        if not runs:
            yield f"{new[:8]} was pushed by no run that held its lock"
        elif late == runs:
            yield f"{new[:8]} was pushed by run {late.pop()[:8]}, of which a lock had been evicted"


def kept_on_failure(seen):
    """(6) After a failed or killed change the lock is not free until a change of that unit succeeded or a person said so."""
    for key, records in seen.chains.items():
        unfinished = {}
        for record in records:
            if record["act"] in TAKEN:
                for entry in seen.changes(run=record["run"], kind="apply"):
                    if seen.world.covers(key, entry["unit"]):
                        unfinished[entry["unit"]] = entry["call"]
                        if entry["code"] == 0:
                            del unfinished[entry["unit"]]
            elif record["act"] == "evicted":
                unfinished = {}
            elif record["act"] in FREE_BY_RUN and record["state"] == "free" and unfinished:
                yield f"{key}: generation {record['generation']} is {record['act']} although {unfinished} did not succeed"


def codes(seen):
    """(7) 0 only if the tool's success is recorded and pushed, 130 only if no tool ran."""
    for call in seen.calls.values():
        entered = [e for e in seen.entries if e["call"] == call.id]
        if call.code in (70, 101, 134, 139):
            yield f"{call.id} ended with {call.code}: {call.stderr()[-300:]}"
        if call.code == 130 and entered:
            yield f"{call.id} ended with 130 although its tool ran"
        if call.code != 0 or call.kind != "apply":
            continue
        for unit in call.units:
            own = [e for e in entered if e["unit"] == unit and e["kind"] == "apply"]
            if not own or own[-1]["code"] != 0:
                yield f"{call.id} ended with 0, but its tool did not succeed on {unit}"
                continue
            # Given back as failed, if another unit under the same lock has not succeeded.
            done = [r for r in seen.records.get(own[-1]["run"], []) if r["act"] in FREE_BY_RUN
                    and r.get("applied") == r.get("commit") and seen.world.covers(r["key"], unit)]
            if not done and not seen.world.chain.gaps:
                yield f"{call.id} ended with 0, but its success on {unit} is not recorded"
            for record in done:
                applied = record.get("applied")
                if not applied or seen.world.git(seen.world.origin, "merge-base", "--is-ancestor", applied, "main", check=False) is None:
                    yield f"{call.id} ended with 0, but {applied} is not on the branch"


def frozen(seen):
    """A freeze that succeeded keeps every tool out until it is ended."""
    for unit, start, end in seen.world.frozen:
        for entry in seen.changes():
            meets = entry["unit"] == unit or seen.world.covers("@all/" + unit.split("/")[1], entry["unit"])
            if meets and start < entry["t"] < (end or float("inf")):
                yield f"{entry['call']} entered {entry['unit']} while {unit} was frozen"


def not_forgotten(seen):
    """A remote that is away for a moment after a success costs nothing but a little time."""
    for call in seen.calls.values():
        if call.disturbed == "away" and call.code and call.changed() and all(e["code"] == 0 for e in seen.changes(call=call.id)):
            yield f"{call.id} ended with {call.code} because the remote was away for a moment after its success"

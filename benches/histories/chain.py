"""The records of all locks in the order in which they were written, read from where they are kept.

git: the commits of each lock's ref. DynamoDB: the item and its history, looked at again and again, for the
item holds the last records only.
"""

import json
import subprocess


class Chain:
    def __init__(self):
        # A key has several chains where somebody has deleted its ref.
        self.chains, self.tips, self.cut, self.gaps = {}, {}, set(), 0
        # Refs that somebody put back as they were before their last records.
        self.anew = set()

    def add_refs(self, world):
        refs = world.git(world.origin, "for-each-ref", "--format=%(objectname) %(refname)", "refs/lockstep/locks")
        for line in (refs or "").splitlines():
            tip, ref = line.split()
            since = self.tips.get(ref)
            if tip == since and ref not in self.cut:
                continue
            if ref in self.cut and self.is_below(world, since, tip):
                # Put back as it was, as the hint of a lost chain says: the same chain goes on.
                self.cut.discard(ref)
            elif ref in self.cut and self.is_below(world, tip, since):
                # By somebody who knew less of it: what follows is to go on from what its writer knows.
                self.cut.discard(ref)
                self.anew.add(ref)
                self.tips[ref] = tip
                continue
            span = [f"{since}..{tip}"] if since and ref not in self.cut else [tip]
            told = subprocess.run(["git", "log", "--reverse", "--format=%H%x00%B%x00", *span], cwd=world.origin,
                                  env=world.env, capture_output=True, text=True, check=True).stdout
            parts = told.split("\0")
            for message in parts[1::2]:
                body = message.split("\n\n", 1)[1].strip()
                self.append(json.loads(body), ref in self.cut or ref in self.anew)
                self.cut.discard(ref)
                self.anew.discard(ref)
            self.tips[ref] = tip

    @staticmethod
    def is_below(world, commit, tip):
        words = ["git", "merge-base", "--is-ancestor", commit, tip]
        return subprocess.run(words, cwd=world.origin, env=world.env, capture_output=True).returncode == 0

    def add_items(self, items):
        for item in items:
            if not item["LockID"]["S"].startswith("lockstep:") or "record" not in item:
                continue
            texts = [item["record"]["S"], *(old["S"] for old in item.get("history", {}).get("L", []))]
            key = item["LockID"]["S"]
            last, new = self.tips.get(key), []
            for text in texts:
                record = json.loads(text)
                if record["nonce"] == last:
                    break
                new.append(record)
            else:
                self.gaps += last is not None
            for record in reversed(new):
                self.append(record, False)
            self.tips[key] = json.loads(texts[0])["nonce"]

    def append(self, record, anew):
        chains = self.chains.setdefault(record["key"], [[]])
        if anew:
            chains.append([])
        chains[-1].append(record)

    def forget(self, world):
        """All locks' refs of the remote are deleted, as a mirror push does it."""
        for ref, tip in self.tips.items():
            world.git(world.origin, "update-ref", "-d", ref, tip)
            self.cut.add(ref)

    def now(self):
        """The last record of each key."""
        return {key: chains[-1][-1] for key, chains in self.chains.items() if chains[-1]}

    def whole(self):
        """Each key with its records, oldest first, whatever was deleted meanwhile."""
        return {key: [record for chain in chains for record in chain] for key, chains in self.chains.items()}

#!/usr/bin/env python3
"""What a lock in DynamoDB costs: taking it and giving it back, beside bare requests to the same server.

    cargo build --release && python3 benches/dynamodb.py [ROUNDS]

Ours are whole processes, from their start to their end, in turn; the bare requests are the same ones with
the same item, its history included, over a connection of this script that is opened for them, so that
our run should cost what one with local files does and these on top. Medians and minima in milliseconds. The
server is moto on this machine, so what counts is the difference, not the sum: towards AWS each request
takes its round trip more.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from table import NAME, Table  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKSTEP = os.path.join(ROOT, "target", "release", "lockstep")
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100


def project(base, config):
    root = os.path.join(base, "project")
    files = {"lockstep.toml": config, "profiles/prod.toml": "", "modules/alpha/x": "x\n"}
    for name, text in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return root


class Bare:
    """What a run asks of the table, said with its own item under another name."""

    def __init__(self, table):
        self.table = table
        read = table.call("GetItem", {"TableName": NAME, "Key": {"LockID": {"S": "lockstep:alpha/prod"}}})
        item = {**read["Item"], "LockID": {"S": "bare"}}
        table.call("PutItem", {"TableName": NAME, "Item": item})
        self.put = {
            "TableName": NAME, "Item": item, "ConditionExpression": "#nonce = :expected",
            "ExpressionAttributeNames": {"#nonce": "nonce"}, "ExpressionAttributeValues": {":expected": item["nonce"]},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        keys = ("bare", "lockstep:@all/prod", "lockstep:alpha/@all", "lockstep:@all/@all")
        keys = [{"LockID": {"S": key}} for key in keys]
        self.get = {"RequestItems": {NAME: {"Keys": keys, "ConsistentRead": True}}}

    def once(self):
        self.table.connect()
        self.table.call("BatchGetItem", self.get)
        self.table.call("PutItem", self.put)
        self.table.call("PutItem", self.put)


def timed(act):
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def main():
    global LOCKSTEP
    if not os.path.exists(LOCKSTEP):
        sys.exit("no release build: cargo build --release")
    base = tempfile.mkdtemp(prefix="lockstep-bench-")
    # As it is installed: what a linker has just written starts up to a millisecond later.
    LOCKSTEP = shutil.copy(LOCKSTEP, base)
    table = Table(base)
    try:
        root = project(base, table.config())
        local = project(os.path.join(base, "beside"), '[lock]\nbackend = "local"\n')
        env = {"PATH": os.environ["PATH"], "HOME": base, "LOCKSTEP_OWNER": "bench", **table.env()}
        run = lambda cwd, *words: subprocess.run(
            [LOCKSTEP, "-q", *words], cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL
        )
        unit = ["lock", "unlock", "--", "alpha", "prod"]
        # As many as the history holds: from then on the item stays as large as it is.
        for _ in range(12):
            run(root, *unit)
            run(local, *unit)
        bare = Bare(table)
        acts = {
            "lock unlock, dynamodb (BatchGetItem, 2 PutItem)": lambda: run(root, *unit),
            "lock unlock, local files": lambda: run(local, *unit),
            "the same three requests, bare": lambda: bare.once(),
            "locks, dynamodb (Scan)": lambda: run(root, "locks"),
            "--version": lambda: run(root, "--version"),
        }
        rows = {name: [] for name in acts}
        for number in range(ROUNDS + 3):
            for name, act in acts.items():
                spent = timed(act)
                if number >= 3:
                    rows[name].append(spent)
        print(f"{ROUNDS} rounds; in ms{'':<36} {'median':>8} {'least':>8}")
        for name, times in rows.items():
            print(f"{name:<50} {statistics.median(times):8.2f} {min(times):8.2f}")
    finally:
        table.end()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

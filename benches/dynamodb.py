#!/usr/bin/env python3
"""What a lock in DynamoDB costs: taking it and giving it back, beside bare requests to the same server.

    cargo build --release && python3 benches/dynamodb.py [ROUNDS]

Ours are whole processes, from their start to their end, in turn; the bare requests go over one open
connection of this script. Medians in milliseconds. The server is moto on this machine, so what counts
is the difference, not the sum: towards AWS each request takes its round trip more.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from table import CREDENTIALS, NAME, Table  # noqa: E402

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


def timed(act):
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def main():
    if not os.path.exists(LOCKSTEP):
        sys.exit("no release build: cargo build --release")
    base = tempfile.mkdtemp(prefix="lockstep-bench-")
    table = Table(base)
    try:
        root = project(base, table.config())
        local = project(os.path.join(base, "beside"), '[lock]\nbackend = "local"\n')
        env = {"PATH": os.environ["PATH"], "HOME": base, "LOCKSTEP_OWNER": "bench", **CREDENTIALS}
        run = lambda cwd, *words: subprocess.run(
            [LOCKSTEP, "-q", *words], cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL
        )
        item = {"LockID": {"S": "bare"}, "record": {"S": "x" * 700}}
        put = {"TableName": NAME, "Item": item, "ConditionExpression": "attribute_exists(LockID)"}
        table.call("PutItem", {"TableName": NAME, "Item": item})
        unit = ["lock", "unlock", "--", "alpha", "prod"]
        acts = {
            "lock unlock, dynamodb (GetItem, 2 PutItem)": lambda: run(root, *unit),
            "lock unlock, local files": lambda: run(local, *unit),
            "locks, dynamodb (Scan)": lambda: run(root, "locks"),
            "--version": lambda: run(root, "--version"),
            "bare GetItem": lambda: table.call("GetItem", {"TableName": NAME, "Key": {"LockID": {"S": "bare"}}}),
            "bare conditional PutItem": lambda: table.call("PutItem", put),
        }
        rows = {name: [] for name in acts}
        for number in range(ROUNDS + 3):
            for name, act in acts.items():
                spent = timed(act)
                if number >= 3:
                    rows[name].append(spent)
        print(f"{ROUNDS} rounds; medians in ms")
        for name, times in rows.items():
            print(f"{name:<46} {statistics.median(times):8.2f}")
    finally:
        table.end()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

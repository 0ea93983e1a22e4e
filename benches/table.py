"""A DynamoDB table on a loopback port for the measurements: the server of the tests, played by moto.

`cargo test contract` sets moto up under target/tools/; else this Python's own moto serves.
"""

import http.client
import importlib.util
import json
import os
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOTO = os.path.join(ROOT, "target", "tools", "moto")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}
NAME = "locks"


class Table:
    """The server, one connection to it, and a table as Terraform wants it."""

    def __init__(self, base):
        home = self.home = os.path.join(base, "server")
        os.mkdir(home)
        script = os.path.join(ROOT, "tests", "tools", "dynamodb_server.py")
        settings = json.dumps({"lib": moto(), "home": home})
        self.server = subprocess.Popen(
            [sys.executable, "-IS", script, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = json.loads(self.server.stdout.readline())["port"]
        self.connections = threading.local()
        self.create(NAME)

    def create(self, name):
        """Another table of that kind."""
        key = {"AttributeName": "LockID"}
        self.call("CreateTable", {
            "TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{**key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{**key, "AttributeType": "S"}],
        })

    def connect(self):
        """From here on over a new connection, in this thread."""
        if there := getattr(self.connections, "own", None):
            there.close()
        self.connections.own = http.client.HTTPConnection("127.0.0.1", self.port)
        return self.connections.own

    def call(self, operation, body):
        scope = "AKIABENCH/20260101/eu-west-1/dynamodb/aws4_request"
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        connection = getattr(self.connections, "own", None) or self.connect()
        connection.request("POST", "/", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {text}")
        return json.loads(text)

    def items(self, name):
        """Every item of a table."""
        items, page = [], {"LastEvaluatedKey": None}
        while "LastEvaluatedKey" in page:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page["LastEvaluatedKey"] else {}
            page = self.call("Scan", {"TableName": name, "ConsistentRead": True, **start})
            items += page["Items"]
        return items

    def config(self, name=NAME, lock=""):
        """For lockstep.toml, with more lines of [lock]."""
        return f'[lock]\nbackend = "dynamodb"\n{lock}[lock.dynamodb]\ntable = "{name}"\nregion = "eu-west-1"\n'

    def env(self):
        """What says who asks, and whom: in lockstep.toml the address would count in trusted clones only."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{self.port}"}

    def end(self):
        self.server.stdin.close()
        self.server.wait()


def moto():
    """The directory that moto is imported from."""
    found = None if os.path.exists(MOTO) else importlib.util.find_spec("moto")
    if not found and not os.path.exists(MOTO):
        sys.exit("no moto: cargo test --lib lock::contract::dynamodb")
    return os.path.dirname(os.path.dirname(found.origin)) if found else MOTO

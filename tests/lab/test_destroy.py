"""`cdk destroy` of an environment that lives, by the real CDK CLI: in the middle of a canary, and shipped.

Half-created, protected and full stacks: tests/lab_core/test_destroy.py.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.leftovers import left

from .conftest import ROOT, Shell, as_sample, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(240)]

QUICK = """
[environments.lab.canary]
weights = [25]
bake = "24h"
linger = "1s"
[environments.lab.analysis]
metrics_delay = "1s"
max_time = "3m"
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A lab whose canaries stay at 25 %."""
    config = service_in(tmp_path_factory.mktemp("service"), as_sample(QUICK))
    shell = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(shell, "--scale", "60"):
        yield Shell({**shell.variables, **shell.json("lab", "env")})


def client(shell: Shell, service: str) -> Any:
    """The administrator's: the deployer's role goes with its stack."""
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=shell.variables["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
    )


def remains(shell: Shell) -> dict[str, list[str]]:
    return left(lambda service: client(shell, service))


def destroy(shell: Shell) -> subprocess.CompletedProcess[str]:
    return shell.run("lab", "cdk", "--", "destroy", "--all", "--force", "-c", "env=lab")


def test_in_the_middle_of_a_canary_all_goes_but_what_is_in_buckets(up: Shell) -> None:
    """Both slots have instances, the deployer's own rule leads to them, and its runner is at work."""
    for release in ("v1", "v2"):
        assert up.run("lab", "release", release).returncode == 0
    assert up.run("blue-green", "v1").returncode == 0  # the first: straight to 100 %
    with subprocess.Popen(
        up.command("canary", "v2"), env=dict(up.variables), cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as runner:  # fmt: skip
        try:
            await_share(up, 250)
            first = destroy(up)
            told = runner.communicate(timeout=60)[1]
        finally:
            runner.kill()
    assert first.returncode != 0
    assert "The bucket you tried to delete is not empty" in first.stdout + first.stderr
    assert runner.returncode == 4, told  # halted: it says so, and changes nothing

    kept = remains(up)
    assert kept.keys() == {"buckets", "stacks"}
    assert kept["stacks"] == ["shop-lab-control"]
    (bucket,) = kept["buckets"]
    empty(up, bucket)
    again = destroy(up)
    assert again.returncode == 0, again.stdout + again.stderr
    assert remains(up) == {}


def empty(shell: Shell, bucket: str) -> None:
    """The line of docs/stacks.md, as it stands there."""
    text = (ROOT / "docs" / "stacks.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("python3 -c")]
    program = shlex.split(line.replace("BUCKET", bucket))[2]
    variables = {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": shell.variables["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    subprocess.run([sys.executable, "-c", program], env=variables, check=True, timeout=60)


def await_share(shell: Shell, share: int) -> None:
    """Wait until a rule gives one of its target groups this share, in per mille."""
    balancers = client(shell, "elbv2")
    (balancer,) = balancers.describe_load_balancers()["LoadBalancers"]
    listeners = balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
    deadline = time.monotonic() + 90
    weights: list[int] = []
    while share not in weights:
        assert time.monotonic() < deadline, weights
        time.sleep(0.3)
        rules = [
            rule
            for each in listeners["Listeners"]
            for rule in balancers.describe_rules(ListenerArn=each["ListenerArn"])["Rules"]
        ]
        weights = [
            group["Weight"]
            for rule in rules
            for group in rule["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", ())
        ]

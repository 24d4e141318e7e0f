"""Declared = called = granted: one deployment of each kind under the deployer's role, in a lab.

Every other test of this folder deploys under that role too, so nothing undeclared is ever called;
here it is also shown that everything declared is.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3 import request

from deployer.aws.permissions import NEEDS
from deployer.process.clock import from_environment

from .conftest import ROOT, Shell, admin, as_sample, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

# Declared, and not called by the plays below. Each has a reason; a stale one fails the test.
NOT_CALLED: dict[str, str] = {
    "elasticloadbalancing:DescribeLoadBalancers": "names the zones of a past, and nobody has one here",
}
QUICK = """
[environments.lab.canary]
weights = [50]
group_bake = "1s"
bake = "1s"
final_bake = "1s"
linger = "1s"
[environments.lab.blue_green]
bake = "1s"
window = "1s"
[environments.lab.rolling]
bake = "1s"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
max_time = "3m"
probes = 20  # nobody else comes
alarms = ["fatal"]
[environments.lab.hooks]
on_rollback = {function = "undo"}
[environments.lab.monitoring]
minutes = 1
"""
# The release is judged by the environment's own alarm alone: nothing else may send it back.
GUARDED = """
[environments.lab.canary]
weights = [50]
bake = "30m"
[environments.lab.analysis]
tolerance = 100
min_requests = 1
alarms = ["shop-lab-users"]
[environments.lab.probe]
path = "/health"
"""


# Zones are read where the release that serves has fifteen minutes of past: by this clock some have.
SOMETIMES = {"elasticloadbalancing:DescribeLoadBalancers"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A lab under settings that reach every adapter: alarms, a hook function, a bad release."""
    config = service_in(tmp_path_factory.mktemp("service"), as_sample(QUICK))
    config.with_name("guarded.toml").write_text(as_sample(GUARDED))
    outside = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(outside, "--scale", "60"):
        made = Shell({**outside.variables, **outside.json("lab", "env")})
        admin(made, "cloudwatch").put_metric_alarm(
            AlarmName="fatal", Namespace="none", MetricName="none", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )  # fmt: skip
        yield made


def page(shell: Shell, name: str) -> Any:
    return request("GET", f"{shell.variables['AWS_ENDPOINT_URL']}/_lab/{name}", timeout=10).json()


def test_what_is_declared_is_what_deployments_call_and_all_that_is_granted(quick: Shell) -> None:
    for release in (("v1",), ("v2",), ("bad", "--error-rate", "1")):
        quick.json("lab", "release", *release)
    before = len(page(quick, "calls"))
    for play, status in (
        (("canary", "v1"), 0),
        (("canary", "bad"), 3),
        (("blue-green", "v2"), 0),
        (("rolling", "v1"), 0),
        (("canary", "v2", "--group", "header:X-Beta=1"), 0),
        (("rollback", "v1"), 0),
        (("canary", "nowhere"), 2),
    ):
        done = quick.run(*play)
        assert done.returncode == status, f"{play}: {done.stderr[-2000:]}"
    (used,) = [
        {each["action"] for each in every}
        for role, every in page(quick, "permissions").items()
        if "DeployerRole" in role
    ]
    declared = {need.action for need in NEEDS}
    assert used <= declared, f"declare in the adapter's NEEDS: {sorted(used - declared)}"
    assert declared - used - SOMETIMES == set(NOT_CALLED) - SOMETIMES, (
        "no longer called: take it out of the NEEDS, or say why"
    )
    refused = [
        call
        for call in page(quick, "calls")[before:]
        if "DeployerRole" in call["caller"] and "Denied" in call["outcome"]
    ]
    assert refused == []
    require_all_drawn(quick)
    require_all_reported(quick)


def drawn(shell: Shell) -> dict[str, list[float]]:
    """What the dashboard's graphs show of the last hours: values by label."""
    cloudwatch, now = admin(shell, "cloudwatch"), from_environment(shell.variables).now()
    (board,) = cloudwatch.list_dashboards()["DashboardEntries"]
    body = cloudwatch.get_dashboard(DashboardName=board["DashboardName"])["DashboardBody"]
    found: dict[str, list[float]] = {}
    for widget in json.loads(body)["widgets"]:
        lines = widget["properties"].get("metrics", ())
        told = cloudwatch.get_metric_data(
            MetricDataQueries=[query(line, f"unnamed{n}") for n, line in enumerate(lines)],
            StartTime=now - 6 * 3600, EndTime=now + 60, ScanBy="TimestampAscending",
        ) if lines else {"MetricDataResults": ()}  # fmt: skip
        title = widget["properties"]["title"].partition(":")[0].partition(" ")[0]
        found |= {f"{title} {one['Label']}": one["Values"] for one in told["MetricDataResults"]}
    return found


def query(line: list[Any], name: str) -> dict[str, Any]:
    """A line of a graph as GetMetricData takes it."""
    *words, options = line
    about = {"Id": options.get("id", name), "ReturnData": options.get("visible", True)}
    if "label" in options:
        about["Label"] = options["label"]
    if not words:
        return {**about, "Expression": options["expression"], "Period": options.get("period", 60)}
    namespace, metric, *dimensions = words
    pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
    asked = {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in pairs],
    }
    return {
        **about,
        "MetricStat": {"Metric": asked, "Period": 60, "Stat": options.get("stat", "Average")},
    }


def require_all_reported(shell: Shell) -> None:
    """Each deployment that has ended has its page in the bucket, with charts; its link is told."""
    s3 = admin(shell, "s3")
    ended = [
        each["deployment"] for each in shell.events("history") if each["event"] == "deployment"
    ]
    (bucket,) = [b["Name"] for b in s3.list_buckets()["Buckets"] if "artifacts" in b["Name"]]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="_reports/")["Contents"]
    assert {each["Key"] for each in listed} == {f"_reports/shop/lab/{name}.html" for name in ended}
    page = s3.get_object(Bucket=bucket, Key=f"_reports/shop/lab/{ended[0]}.html")["Body"].read()
    assert b"figure-requests" in page
    assert b"figure-calls" in page


def require_all_drawn(shell: Shell) -> None:
    """The dashboard shows what was just deployed, and no graph of it is dead."""
    found = drawn(shell)
    assert {50.0, 100.0} <= set(found["Weights blue"])
    assert all(
        blue + green == 100
        for blue, green in zip(found["Weights blue"], found["Weights green"], strict=True)
    )
    for mark in ("begun", "promoted", "rolled back"):
        assert max(found[f"Weights {mark}"]) == 1, mark
    assert max(found["Weights halted"], default=0) == 0
    assert {"blue healthy", "green unhealthy", "Share blue"} <= found.keys()
    assert max(found["blue healthy"]) >= 1


def test_a_permission_that_is_taken_away_is_named_to_the_user(quick: Shell) -> None:
    """In one line: what is not allowed, on what, and why."""
    iam = admin(quick, "iam")
    (role,) = [
        each["RoleName"] for each in iam.list_roles()["Roles"] if "DeployerRole" in each["RoleName"]
    ]
    without = {"Effect": "Deny", "Action": "ssm:GetParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [without]})
    iam.put_role_policy(RoleName=role, PolicyName="less", PolicyDocument=document)
    denied = quick.run("status")
    iam.delete_role_policy(RoleName=role, PolicyName="less")
    assert denied.returncode == 2
    assert (
        "ssm:GetParameter is not allowed on the parameter /deployer/shop/lab/topology"
        in denied.stderr
    )
    assert "explicit deny in an identity-based policy" in denied.stderr
    assert quick.run("status").returncode == 0


@pytest.mark.long
def test_an_alarm_of_alarms_sends_a_release_back(quick: Shell) -> None:
    """Requests fail, the slot's alarm rings, so does `users`, and the canary that it guards ends."""
    for release in (("calm",), ("loud", "--error-rate", "1")):
        quick.json("lab", "release", *release)
    quick.json("canary", "calm")
    guarded = Path(quick.variables["DEPLOYER_CONFIG"]).with_name("guarded.toml")
    shell = Shell({**quick.variables, "DEPLOYER_CONFIG": str(guarded)})
    load = subprocess.Popen(
        quick.command("lab", "load", "--rps", "60", "--duration", "100s"),
        env=dict(quick.variables), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        back = shell.json("canary", "loud", status=3)
    finally:
        load.terminate()
        load.wait(20)
    assert "shop-lab-users is in ALARM" in back["reason"]

"""`cdk deploy` in the middle of a canary, under load: whatever it changes, users notice nothing.

The real CDK CLI, the project's own stacks, a canary that stands at 25 % and waits for approval.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deployer.lab import cdk
from deployer.lab.load.runner import Load
from deployer.lab.load.target import Schedule
from tests.lab_balancer.test_real_tls import certificate

from . import foreign
from .asking import Asking
from .conftest import ROOT, Shell, lab_up, shell_for
from .live import INSTANCE_CALLS, RULE_CALLS, SERVICE, Json, Site
from .variants import MOST, TAKEN, TYPES

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(400)]
RPS = 60.0
SLOTS = ("blue", "green")
QUICK = """instances = 3

[environments.lab.canary]
weights = [25]
capacity = "matched"
bake = "1s"
final_bake = "1s"
linger = "1s"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A lab whose stacks the CDK CLI has deployed before, and every later version of them."""
    home, variants = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("variants")
    for name in ("app.py", "cdk.json", "examples"):
        (home / name).symlink_to(ROOT / name)
    text = (ROOT / "deployer.toml").read_text()
    settings = home / "deployer.toml"
    before = text[: text.index("[environments.lab.canary]")]
    settings.write_text(before + QUICK)
    outside = shell_for(tmp_path_factory.mktemp("lab"))
    outside = Shell({**outside.variables, "DEPLOYER_CONFIG": str(settings)})
    synthesis = [sys.executable, "-m", "tests.lab.variants", str(settings), str(variants)]
    with (
        subprocess.Popen(synthesis, cwd=ROOT, env=cdk_variables()) as synthesizing,
        lab_up(outside, "--scale", "60"),
    ):
        assert synthesizing.wait() == 0
        made = Site(Shell({**outside.variables, **outside.json("lab", "env")}), variants)
        made.cdk("bootstrap", "aws://123456789012/us-east-1")
        yield made


def cdk_variables() -> dict[str, str]:
    return cdk.environment("")


@dataclass
class Held:
    """A canary that stands at 25 % and waits for somebody's approval."""

    site: Site
    events: Iterator[Json]

    def until(self, kind: str, words: str) -> None:
        """Read on until such an event."""
        told = []
        for event in self.events:
            told.append(event)
            if event["event"] == kind and words in event.get("note", ""):
                return
        raise AssertionError(f"no {kind} with {words!r} in {told}")


@pytest.fixture(scope="module")
def held(site: Site) -> Iterator[Held]:
    shell = site.shell
    for release in ("v1", "v2", "v3"):
        shell.json("lab", "release", release)
    assert shell.json("canary", "v1")["status"] == "shipped"
    with subprocess.Popen(
        shell.command("--output", "json", "canary", "v2", "--approve", "25"),
        env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
    ) as runner:  # fmt: skip
        assert runner.stdout is not None
        waiting = Held(site, map(json.loads, runner.stdout))
        waiting.until("waiting", "approv")
        yield waiting
        runner.terminate()


def url(site: Site) -> str:
    return str(site.topology["url"]) + "/"


def served(load: Load) -> Json:
    """What came back: every request was answered, by a release."""
    report = load.report.as_json()
    assert (report["failed"], report["skipped"]) == (0, 0), report["failures"]
    assert set(report["releases"]) <= {"v1", "v2", "v3"}
    return report


def quarter(load: Load) -> None:
    """A quarter went to the canary; chance may take five standard deviations from it."""
    report = served(load)
    assert set(report["releases"]) == {"v1", "v2"}
    requests, candidate = report["requests"], report["releases"]["v2"]["requests"]
    assert requests > RPS
    assert abs(candidate - requests / 4) < 5 * (requests * 3 / 16) ** 0.5, (candidate, requests)


def moves(site: Site, since: int) -> list[Json]:
    """Calls that moved users or instances, whoever made them."""
    return [call for call in site.calls(since) if call["outcome"] == "ok" and moving(site, call)]


def moving(site: Site, call: Json) -> bool:
    if call["service"] == "elbv2":  # the test listener's rules are the stack's own
        listener = site.topology["listener"].rpartition("/")[2]
        return call["action"] in RULE_CALLS and listener in str(call["parameters"])
    return (call["service"], call["action"]) in INSTANCE_CALLS


def test_another_certificate_leaves_the_rule_in_front_of_the_listener_alone(held: Held) -> None:
    site, acm, elb = held.site, held.site.client("acm"), held.site.client("elbv2")
    made = [certificate() for _ in range(2)]
    old, new = [
        acm.import_certificate(Certificate=pem, PrivateKey=key)["CertificateArn"]
        for pem, key in made
    ]
    balancer, weights = site.topology["load_balancer"], site.weights()
    foreign.deployed(site, foreign.SECURE_STACK, foreign.secure(balancer, old))
    (stack,) = site.client("cloudformation").describe_stacks(StackName=foreign.SECURE_STACK)[
        "Stacks"
    ]
    (listener,) = [output["OutputValue"] for output in stack["Outputs"]]
    groups = [
        {"TargetGroupArn": slot["target_group"], "Weight": min(weights[name], 999)}
        for name, slot in site.topology["slots"].items()
    ]
    (rule,) = elb.create_rule(  # as the deployer makes its own
        ListenerArn=listener,
        Priority=49000,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )["Rules"]
    address = site.topology["url"].removeprefix("http://").rpartition(":")[0]
    trusted = [pem.decode() for pem, _ in made]
    with Asking(address, foreign.SECURE_PORT, *trusted) as asking:
        foreign.deployed(site, foreign.SECURE_STACK, foreign.secure(balancer, new))
    (after,) = elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"]
    assert after["Actions"] == rule["Actions"]
    assert set(asking.answers) <= {"v1", "v2", "v3"}, asking.answers
    assert asking.answers.total() > 10
    assert Asking(address, foreign.SECURE_PORT, trusted[1]).once() in {
        "v1",
        "v2",
        "v3",
    }  # the new one is shown,
    assert (
        "certificate verify failed" in Asking(address, foreign.SECURE_PORT, trusted[0]).once()
    )  # the old one is not


UPDATES = (
    # variant, what the CLI says, its exit status, what the stack is then
    ("unrelated", "✅", 0, "UPDATE_COMPLETE"),
    ("unrelated", "(no changes)", 0, "UPDATE_COMPLETE"),
    ("tag", "✅", 0, "UPDATE_COMPLETE"),
    ("type", "✅", 0, "UPDATE_COMPLETE"),
    ("size", "✅", 0, "UPDATE_COMPLETE"),
    ("broken", "already exists", 1, "UPDATE_ROLLBACK_COMPLETE"),
    ("size", "(no changes)", 0, "UPDATE_ROLLBACK_COMPLETE"),
)


def test_the_lab_moves_the_traffic_of_those_who_write_it_into_their_templates(held: Held) -> None:
    """So the tests of our own stacks can fail, and owners of such templates know what would bite."""
    site, theirs = held.site, foreign.Foreign(held.site)
    site.client("ssm").put_parameter(Name="/theirs", Value="theirs", Type="String")
    (group,) = site.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[site.topology["slots"]["blue"]["group"]]
    )["AutoScalingGroups"]
    subnets = group["VPCZoneIdentifier"].split(",")

    def body(team: str, **more: Json) -> Json:
        balancer = site.topology["load_balancer"]
        return foreign.template(balancer, theirs.groups, subnets, team=team, **more)

    theirs.deploy(body("a"))
    assert theirs.live() == foreign.AS_WRITTEN
    theirs.shift()
    theirs.deploy(body("a", Note=foreign.parameter("/note")))
    assert theirs.live() == foreign.SHIFTED  # what did not change is left alone
    theirs.deploy(body("b", Note=foreign.parameter("/note")))
    assert theirs.live() == foreign.AS_WRITTEN  # a tag sends the whole resource
    where = f"{site.topology['url'].rpartition(':')[0]}:{foreign.PORT}/"
    with Load(where, Schedule(RPS, 2)) as load:
        assert len(served(load)["releases"]) == 1  # what had half of the users has none
    theirs.shift()
    told = theirs.deploy(body("c", Clash=foreign.clash("/theirs")), status=1)
    assert "already exists" in told
    assert theirs.live() == foreign.AS_WRITTEN  # there, or on the way back
    theirs.shift()
    told = theirs.deploy(body("b", Note=foreign.parameter("/note")), "--revert-drift")
    assert "(no changes)" not in told
    assert theirs.live() == foreign.AS_WRITTEN


def test_no_update_of_the_stacks_moves_anything_until_the_next_release(held: Held) -> None:
    site = held.site
    before, since = site.owned(), site.calls()[-1]["number"]
    versions = [site.slot(name)["newest"] for name in SLOTS]
    assert before["weights"] == {"blue": 750, "green": 250}
    assert len(site.slot("green")["instances"]) == 2  # it grows to three later on
    site.client("ssm").put_parameter(Name=TAKEN, Value="theirs", Type="String")
    for variant, says, status, ends in UPDATES:
        with Load(url(site), Schedule(RPS, 300)) as load:
            told = site.deploy(variant, status=status)
        assert says in told, told
        assert site.stack_status() == ends, variant
        assert site.owned() == before, variant
        quarter(load)
    told = site.cdk("drift", "-a", str(site.assemblies / "size"), "-e", SERVICE)
    assert "1 resource has drifted" in told, told
    assert "MinSize" in told  # the canary keeps the old slot from shrinking
    with Load(url(site), Schedule(RPS, 300)) as load:
        assert "✅" in site.deploy("size", "--revert-drift")
    assert site.owned() == {**before, "blue": {**before["blue"], "minimum": 0}}
    quarter(load)
    assert moves(site, since) == []
    assert [site.slot(name)["maximum"] for name in SLOTS] == [MOST[1], MOST[1]]
    assert [site.slot(name)["newest"] for name in SLOTS] > versions
    finish(held)


def finish(held: Held) -> None:
    """The canary ends as if nothing had been, and the next release is what the stack says."""
    site = held.site
    with Load(url(site), Schedule(RPS, 300)) as load:
        site.shell.json("approve")
        ended = list(held.events)[-1]
    assert ended["status"] == "shipped", ended
    served(load)
    kinds = list(site.slot("green")["instances"].values())
    assert kinds == [(TYPES[0], "v2")] * 3  # one of them launched after the stack had another type
    with Load(url(site), Schedule(RPS, 300)) as load:
        done = site.shell.run("canary", "v3", timeout_s=300)
    assert done.returncode == 0, done.stderr
    served(load)
    kinds = list(site.slot("blue")["instances"].values())
    assert kinds == [(TYPES[1], "v3")] * 3
    assert site.slot("green")["desired"] == 0

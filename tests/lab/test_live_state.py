"""`cdk deploy` in the middle of a canary, under load: whatever it changes, users notice nothing.

The real CDK CLI, the project's own stacks with HTTPS, a canary that stands at 25 % and waits for
approval, and users who come over TLS.
"""

import http.client
import json
import random
import ssl
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from deployer.lab import cdk, home
from deployer.lab.load.runner import Load
from deployer.lab.load.target import Schedule

from . import foreign
from .conftest import PATIENT, ROOT, Shell, as_sample, lab_up, service_in, shell_for
from .live import INSTANCE_CALLS, RULE_CALLS, SERVICE, Json, Site
from .variants import CERTIFICATE, MOST, TAKEN, TYPES

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(400)]
RPS = 60.0
SLOTS = ("blue", "green")
QUICK = """
[environments.lab.balancer]
certificate = "{certificate}"
domain = "127.{network}.255.1"
redirect_port = {plain}

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
max_time = "3m"
probes = 20
"""
PLAIN = 8080
CHANGES = {
    "listener_port = 8080": "listener_port = 8443",
    "port = 8081": "port = 8444",
    "max_instances = 8": "max_instances = 8\ninstances = 3",
}


def settings() -> str:
    """With HTTPS, in a network that no lab has, and three instances a slot."""
    network, guard = home.claim_network(random.choice(home.NETWORKS[60:]))  # noqa: S311  no secret
    guard.close()
    text = as_sample(QUICK.format(network=network, certificate=CERTIFICATE, plain=PLAIN) + PATIENT)
    for sample, ours in CHANGES.items():
        assert sample in text
        text = text.replace(sample, ours, 1)
    return text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A lab whose stacks the CDK CLI has deployed, and every later version of them."""
    config = service_in(tmp_path_factory.mktemp("service"), settings())
    variants = tmp_path_factory.mktemp("variants")
    shell = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(shell, "--scale", "60", "--no-stacks"):
        other = shell.json("lab", "certificate")
        synthesis = (sys.executable, "-m", "tests.lab.variants", config, variants)
        made = Site(Shell({**shell.variables, **shell.json("lab", "env")}), variants, other)
        with subprocess.Popen(
            [*synthesis, other["certificate"]], cwd=ROOT, env=cdk.environment("")
        ) as synthesizing:
            made.cdk("bootstrap", "aws://123456789012/us-east-1")
            assert synthesizing.wait() == 0
        made.cdk("deploy", "--all", "-a", str(variants / "first"), "--require-approval", "never")
        yield replace(made, shell=Shell({**shell.variables, **shell.json("lab", "env")}))


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


def load(site: Site) -> Load:
    """What users send meanwhile, over TLS."""
    url = str(site.topology["url"]) + "/"
    assert url.startswith("https://")
    return Load(url, Schedule(RPS, 300), authority=site.authority)


def shown(site: Site) -> set[str]:
    """The certificates that clients of the two listeners meet, as PEM."""
    urls = [urlsplit(site.topology[name]) for name in ("url", "test_url")]
    where = [(str(each.hostname), int(each.port or 443)) for each in urls]
    return {
        ssl.get_server_certificate(each, ca_certs=str(site.authority)).strip() for each in where
    }


def served(users: Load) -> Json:
    """What came back: every request was answered, by a release."""
    report = users.report.as_json()
    assert (report["failed"], report["skipped"]) == (0, 0), report["failures"]
    assert set(report["releases"]) <= {"v1", "v2", "v3"}
    return report


def quarter(users: Load) -> None:
    """A quarter went to the canary; chance may take five standard deviations from it."""
    report = served(users)
    assert set(report["releases"]) == {"v1", "v2"}
    requests, candidate = report["requests"], report["releases"]["v2"]["requests"]
    assert requests > RPS / 2  # an update without differences takes a second
    assert abs(candidate - requests / 4) < 5 * (requests * 3 / 16) ** 0.5, (candidate, requests)


def moves(site: Site, since: int) -> list[Json]:
    """Calls that moved users or instances, whoever made them."""
    return [call for call in site.calls(since) if call["outcome"] == "ok" and moving(site, call)]


def moving(site: Site, call: Json) -> bool:
    if call["service"] == "elbv2":  # the test listener's rules are the stack's own
        listener = site.topology["listener"].rpartition("/")[2]
        return call["action"] in RULE_CALLS and listener in str(call["parameters"])
    return (call["service"], call["action"]) in INSTANCE_CALLS


class Update(NamedTuple):
    """`cdk deploy` of a variant: its exit status, what the CLI says, and what comes of it.

    touches: calls without which nothing of it would have reached the environment.
    other:   whether users see the other certificate from then on.
    """

    variant: str
    touches: AbstractSet[str] = frozenset()
    says: str = "✅"
    status: int = 0
    ends: str = "UPDATE_COMPLETE"
    other: bool = False


TAG, CERTIFIED = {"AddTags"}, {"ModifyListener"}
TYPED, SIZED = {"CreateLaunchTemplateVersion"}, {"UpdateAutoScalingGroup"}
BACK = "UPDATE_ROLLBACK_COMPLETE"
UPDATES = (
    Update("unrelated", {"PutMetricAlarm"}),
    Update("unrelated", says="(no changes)"),
    Update("tag", TAG),
    Update("certificate", CERTIFIED, other=True),
    Update("type", TYPED, other=True),
    Update("size", SIZED, other=True),
    Update("broken", TAG | CERTIFIED | TYPED | SIZED, "already exists", 1, BACK, other=True),
    Update("size", says="(no changes)", ends=BACK, other=True),
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
    where = f"http://{urlsplit(site.topology['url']).hostname}:{foreign.PORT}/"
    with Load(where, Schedule(RPS, 2)) as theirs_users:
        assert len(served(theirs_users)["releases"]) == 1  # what had half of the users has none
    theirs.shift()
    told = theirs.deploy(body("c", Clash=foreign.clash("/theirs")), status=1)
    assert "already exists" in told
    assert theirs.live() == foreign.AS_WRITTEN  # there, or on the way back
    theirs.shift()
    told = theirs.deploy(body("b", Note=foreign.parameter("/note")), "--revert-drift")
    assert "(no changes)" not in told
    assert theirs.live() == foreign.AS_WRITTEN


def test_whoever_comes_without_tls_is_sent_to_where_it_is(site: Site) -> None:
    secure = urlsplit(site.topology["url"])
    plain = http.client.HTTPConnection(str(secure.hostname), PLAIN, timeout=10)
    with closing(plain):
        plain.request("GET", "/cart?x=1")
        answer = plain.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, f"{secure.geturl()}/cart?x=1")


def test_no_update_of_the_stacks_moves_anything_until_the_next_release(held: Held) -> None:
    site = held.site
    before, since = site.owned(), site.calls()[-1]["number"]
    versions = [site.slot(name)["newest"] for name in SLOTS]
    assert before["weights"] == {"blue": 750, "green": 250}
    assert len(site.slot("green")["instances"]) == 2  # it grows to three later on
    site.client("ssm").put_parameter(Name=TAKEN, Value="theirs", Type="String")
    first, other = (site.pem(arn) for arn in (CERTIFICATE, site.other["certificate"]))
    assert shown(site) == {first} != {other}
    for update in UPDATES:
        assert undergo(site, update) == {other if update.other else first}, update
        assert site.owned() == before, update
    told = site.cdk("drift", "-a", str(site.assemblies / "size"), "-e", SERVICE)
    assert "1 resource has drifted" in told, told
    assert "MinSize" in told  # the canary keeps the old slot from shrinking
    with load(site) as users:
        assert "✅" in site.deploy("size", "--revert-drift")
        assert shown(site) == {other}
    assert site.owned() == {**before, "blue": {**before["blue"], "minimum": 0}}
    quarter(users)
    assert moves(site, since) == []
    assert [site.slot(name)["maximum"] for name in SLOTS] == [MOST[1], MOST[1]]
    newest = [site.slot(name)["newest"] for name in SLOTS]
    assert all(new > old for new, old in zip(newest, versions, strict=True))
    finish(held)


def undergo(site: Site, update: Update) -> set[str]:
    """Under load, of which nothing is lost; the certificates that are shown when it is done."""
    since = site.calls()[-1]["number"]
    with load(site) as users:
        told = site.deploy(update.variant, status=update.status)
        seen = shown(site)
    assert update.says in told, told
    assert site.stack_status() == update.ends, update
    assert update.touches <= {call["action"] for call in site.calls(since)}, update
    quarter(users)
    return seen


def finish(held: Held) -> None:
    """The canary ends as if nothing had been, and the next release is what the stack says."""
    site = held.site
    with load(site) as users:
        site.shell.json("approve")
        ended = list(held.events)[-1]
    assert ended["status"] == "shipped", ended
    served(users)
    kinds = list(site.slot("green")["instances"].values())
    assert kinds == [(TYPES[0], "v2")] * 3  # one of them launched after the stack had another type
    with load(site) as users:
        done = site.shell.run("canary", "v3", timeout_s=300)
    assert done.returncode == 0, done.stderr
    served(users)
    kinds = list(site.slot("blue")["instances"].values())
    assert kinds == [(TYPES[1], "v3")] * 3
    assert site.slot("green")["desired"] == 0

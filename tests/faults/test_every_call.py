"""Every call of a deployment fails, in every way: it ends as it should, and nobody is left alone.

The real command line and the real adapters, botocore's second attempts included. Nobody has to look
after a call that fails once; after a longer burst somebody runs the command again.
"""

from collections.abc import Iterator
from itertools import count

import pytest

from deployer.lab import actions, server
from deployer.lab.chaos import Faults, Kind
from tests.faults.person import EachCall, OneAction, meeting, persist, require_clean
from tests.faults.rig import BAD, Done, Rig

OUTAGES = (Kind.THROTTLE, Kind.ERROR, Kind.UNHEARD, Kind.LOST_REPLY)
_numbers = count(1)
EXPIRING = [
    ("s3", "HeadObject"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("autoscaling", "UpdateAutoScalingGroup"),
    ("elbv2", "ModifyRule"),
    ("ec2", "ModifyLaunchTemplate"),
    ("cloudwatch", "GetMetricData"),
    ("dynamodb", "UpdateItem"),
    ("dynamodb", "GetItem"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """v1 serves."""
    made = Rig(tmp_path_factory.mktemp("rig"))
    assert made.run("canary", "v1").status == 0
    yield made
    server.reset()


@pytest.fixture
def rig(environment: Rig) -> Iterator[Rig]:
    """The same for all, since what each leaves is checked; without faults before and after."""
    meeting(Faults())
    yield environment
    environment.remembers = False
    meeting(Faults())


def other(rig: Rig) -> str:
    """A good release that was never shipped."""
    name = f"w{next(_numbers)}"
    rig.admin("s3").put_object(Bucket="artifacts", Key=f"shop/{name}.tar.gz", Body=b"")
    return name


@pytest.mark.parametrize(
    ("strategy", "kinds"),
    [
        ("canary", [Kind.THROTTLE]),
        ("blue-green", [Kind.ERROR]),
        ("rolling", [Kind.UNHEARD]),
        ("canary", [Kind.LOST_REPLY]),
        ("blue-green", [Kind.LOST_REPLY]),
        ("rolling", [Kind.LOST_REPLY]),
    ],
)
def test_where_each_call_fails_once_nobody_notices(
    rig: Rig, strategy: str, kinds: list[Kind]
) -> None:
    meeting(EachCall(kinds))
    done = rig.run(strategy, other(rig))
    assert done.status == 0, done
    require_clean(rig, strategy)


@pytest.mark.parametrize("strategy", ["canary", "rolling"])
def test_a_bad_release_goes_back_through_all_of_it(rig: Rig, strategy: str) -> None:
    meeting(EachCall(OUTAGES))
    rig.remembers = True
    done = rig.run(strategy, BAD)
    assert done.status == 3
    told = "more 5xx by the application than at stable's rate" in done.result["reason"]
    assert told or strategy == "rolling"  # the rig's slot fails in its past, too
    require_clean(rig, strategy)


def test_bursts_longer_than_any_patience_of_botocore(rig: Rig) -> None:
    """Four calls of each action in a row, then sixteen that pass: commands fail, and are repeated."""
    meeting(EachCall(OUTAGES, fail=4, work=16))
    assert persist(rig, ["canary", other(rig)]).end == "shipped"
    require_clean(rig, "shipped")


@pytest.mark.parametrize(("service", "action"), EXPIRING)
def test_credentials_that_expire_at_any_call_leave_it_to_be_resumed(
    rig: Rig, service: str, action: str
) -> None:
    expired = OneAction(Kind.EXPIRED, service, action, lambda: True)
    meeting(expired)

    def renew(done: Done) -> None:
        assert "credentials" in done.result["reason"], done
        assert "resume" in done.result["reason"] or "run the command again" in done.result["reason"]
        meeting(Faults())

    outcome = persist(rig, ["canary", other(rig)], renew)
    assert expired.hits
    assert outcome.end == "shipped"
    assert len(outcome.commands) == 2
    require_clean(rig, outcome.end)
    assert not [e for e in actions.calls() if e.outcome == "LabDefect"]

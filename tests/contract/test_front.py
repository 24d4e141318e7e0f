"""The deployer's rule on a listener of others: in front of theirs, which is never changed."""

from collections.abc import Callable
from typing import Any

import pytest

from deployer.aws import preflight
from deployer.aws.alb import ProductionRule
from deployer.aws.cohort_rule import CohortRule
from deployer.aws.published import Front, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.changes import SetCohort, SetWeights
from deployer.cohort import Cohort
from deployer.errors import Halted, WeightsMoved
from deployer.model import Admitted, Slot, Weights
from tests.contract.conftest import published

Admin = Callable[[str], Any]
BLUE, SOME = Weights(1000, 0), Weights(900, 100)


class Theirs:
    """A listener of others, whose default action leads to blue; `aws` sees it as the deployer does."""

    def __init__(self, admin: Admin, aws: Aws, fresh: str) -> None:
        self.aws, self.elbv2 = aws, admin("elbv2")
        vpc = admin("ec2").create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            admin("ec2").create_subnet(
                VpcId=vpc, CidrBlock=f"10.3.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        arn = self.elbv2.create_load_balancer(Name=fresh, Subnets=subnets)["LoadBalancers"][0]
        self.blue, self.green, self.other = (
            self.elbv2.create_target_group(
                Name=f"{fresh}-{name}", Protocol="HTTP", Port=80, VpcId=vpc
            )["TargetGroups"][0]["TargetGroupArn"]
            for name in ("blue", "green", "other")
        )
        self.listener = self.elbv2.create_listener(
            LoadBalancerArn=arn["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.blue}],
        )["Listeners"][0]["ListenerArn"]  # fmt: skip

    def rule(self, behind: str = "", priority: int = 49_000) -> ProductionRule:
        groups = {Slot.BLUE: self.blue, Slot.GREEN: self.green}
        return ProductionRule(
            self.aws, self.listener, groups, {"deployer:service": "shop"}, Front(behind, priority)
        )

    def add(self, priority: int, *actions: Any, **condition: Any) -> str:
        """A rule of theirs, for a host."""
        made = self.elbv2.create_rule(
            ListenerArn=self.listener, Priority=priority,
            Conditions=[condition or {"Field": "host-header", "Values": ["shop.example.com"]}],
            Actions=actions or [{"Type": "forward", "TargetGroupArn": self.blue}],
        )  # fmt: skip
        return str(made["Rules"][0]["RuleArn"])

    def rules(self) -> dict[str, Any]:
        found = self.elbv2.describe_rules(ListenerArn=self.listener)["Rules"]
        return {rule["Priority"]: rule for rule in found}


@pytest.fixture
def theirs(admin: Admin, aws: Aws, fresh: str) -> Theirs:
    return Theirs(admin, aws, fresh)


def test_before_it_is_made_the_default_action_says_where_traffic_goes(theirs: Theirs) -> None:
    assert theirs.rule().read() == (BLUE, None)


def test_the_first_shift_makes_it_and_leaves_theirs_alone(theirs: Theirs) -> None:
    before = theirs.rules()["default"]
    theirs.rule().change(SetWeights(SOME, live=BLUE))
    assert theirs.rule().read() == (SOME, None)
    rules = theirs.rules()
    assert rules["default"] == before
    assert rules["49000"]["Conditions"][0]["Field"] == "path-pattern"
    theirs.rule().change(SetWeights(BLUE, live=SOME))
    assert theirs.rule().read() == (BLUE, None)
    assert theirs.rules().keys() == {"default", "49000"}


def test_what_is_live_already_makes_no_rule(theirs: Theirs) -> None:
    theirs.rule().change(SetWeights(BLUE, live=BLUE))
    assert theirs.rules().keys() == {"default"}


def test_when_it_is_deleted_the_weights_have_moved(theirs: Theirs) -> None:
    """What is behind serves again: everything goes to blue, which is not what was written last."""
    theirs.rule().change(SetWeights(SOME, live=BLUE))
    theirs.elbv2.delete_rule(RuleArn=theirs.rules()["49000"]["RuleArn"])
    with pytest.raises(WeightsMoved, match="somebody else moved traffic"):
        theirs.rule().change(SetWeights(Weights(500, 500), live=SOME))
    assert theirs.rules().keys() == {"default"}


def test_it_asks_for_what_the_rule_behind_it_asks_for(theirs: Theirs) -> None:
    behind = theirs.add(100)
    rule = theirs.rule(behind, 99)
    assert rule.read() == (BLUE, None)
    rule.change(SetWeights(SOME, live=BLUE))
    made = theirs.rules()["99"]
    assert made["Conditions"][0]["HostHeaderConfig"]["Values"] == ["shop.example.com"]
    assert rule.read() == (SOME, None)


def test_weights_of_theirs_are_where_it_begins(theirs: Theirs) -> None:
    groups = [(theirs.blue, 3), (theirs.green, 1)]
    shared = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    behind = theirs.add(100, {"Type": "forward", "ForwardConfig": {"TargetGroups": shared}})
    assert theirs.rule(behind, 99).read() == (Weights(750, 250), None)


def test_a_rule_of_theirs_with_both_target_groups_is_not_taken_for_ours(theirs: Theirs) -> None:
    shared = [{"TargetGroupArn": arn, "Weight": 1} for arn in (theirs.blue, theirs.green)]
    theirs.add(
        5, {"Type": "forward", "ForwardConfig": {"TargetGroups": shared}},
        Field="path-pattern", Values=["/*"],
    )  # fmt: skip
    assert theirs.rule().read() == (BLUE, None)


def test_the_rule_behind_is_never_ours_even_at_our_priority(theirs: Theirs) -> None:
    """Settings that name their own rule's priority: it is not moved, and said."""
    shared = [{"TargetGroupArn": arn, "Weight": 1} for arn in (theirs.blue, theirs.green)]
    behind = theirs.add(100, {"Type": "forward", "ForwardConfig": {"TargetGroups": shared}})
    before = theirs.rules()["100"]
    with pytest.raises(Halted):
        theirs.rule(behind, 100).change(SetWeights(SOME, live=Weights(500, 500)))
    assert theirs.rules()["100"] == before


@pytest.mark.parametrize(
    ("arrange", "why"),
    [
        (lambda t: t.rule(t.add(9), 49), "comes before the deployer's"),
        (lambda t: t.rule(t.listener.replace(":listener", ":listener-rule") + "/9", 7), "is gone"),
        (
            lambda t: t.rule(t.add(9, {"Type": "forward", "TargetGroupArn": t.other}), 8),
            "must do nothing but forward to the slots' target groups",
        ),
        (
            lambda t: t.rule(
                t.add(
                    9,
                    {
                        "Type": "authenticate-cognito",
                        "Order": 1,
                        "AuthenticateCognitoConfig": {
                            "UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/p",
                            "UserPoolClientId": "c",
                            "UserPoolDomain": "d",
                        },
                    },
                    {"Type": "forward", "Order": 2, "TargetGroupArn": t.blue},
                ),
                8,
            ),
            "must do nothing but forward",
        ),
    ],
)
def test_where_it_cannot_stand_in_front_nothing_moves(
    theirs: Theirs, arrange: Callable[[Theirs], ProductionRule], why: str
) -> None:
    rule = arrange(theirs)
    before = theirs.rules()
    with pytest.raises(Halted, match=why):
        rule.read()
    with pytest.raises(Halted, match=why):
        rule.change(SetWeights(SOME, live=BLUE))
    assert theirs.rules() == before


def test_a_fixed_answer_behind_it_is_an_environment_that_serves_nothing_yet(theirs: Theirs) -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    theirs.elbv2.modify_listener(ListenerArn=theirs.listener, DefaultActions=[fixed])
    assert theirs.rule().read() == (None, None)
    theirs.rule().change(SetWeights(BLUE, live=None))
    assert theirs.rule().read() == (BLUE, None)


def test_a_user_group_is_one_of_the_services_own_users(theirs: Theirs) -> None:
    """On a listener with other services, a header must not take their users to us."""
    behind = theirs.add(100)
    rule = theirs.rule(behind, 99)
    rule.change(SetWeights(SOME, live=BLUE))
    group = CohortRule(rule)
    beta = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.GREEN)
    group.change(SetCohort(beta, live=None))
    fields = {condition["Field"] for condition in theirs.rules()["98"]["Conditions"]}
    assert fields == {"http-header", "host-header"}
    assert group.among(rule.rules()) == beta
    group.change(SetCohort(None, live=beta))
    assert theirs.rules().keys() == {"default", "100", "99"}


def test_who_answers_a_smoke_request_is_looked_at(theirs: Theirs) -> None:
    slots = PublishedSlots(
        PublishedSlot(theirs.blue, "blue", "lt-1"), PublishedSlot(theirs.green, "green", "lt-2")
    )
    listener = theirs.listener
    named = published(
        listener=listener, test_listener=listener, slots=slots, front=Front("", 49_000)
    )
    asked = {slot: {"HttpHeaderName": "X-Deployer-Slot", "Values": [str(slot)]} for slot in Slot}
    assert preflight.astray(theirs.aws, named) == tuple(Slot)
    to_blue = {"Type": "forward", "TargetGroupArn": theirs.blue}
    to_green = {"Type": "forward", "TargetGroupArn": theirs.green}
    theirs.add(1, to_blue, Field="http-header", HttpHeaderConfig=asked[Slot.BLUE])
    wrong = theirs.add(2, to_blue, Field="http-header", HttpHeaderConfig=asked[Slot.GREEN])
    assert preflight.astray(theirs.aws, named) == (Slot.GREEN,)
    theirs.elbv2.delete_rule(RuleArn=wrong)
    theirs.add(49_001, to_green, Field="http-header", HttpHeaderConfig=asked[Slot.GREEN])
    assert preflight.astray(theirs.aws, named) == (Slot.GREEN,)
    theirs.add(3, to_green, Field="http-header", HttpHeaderConfig=asked[Slot.GREEN])
    assert preflight.astray(theirs.aws, named) == ()

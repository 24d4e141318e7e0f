"""The page of a sleeping environment, against the lab's API: made and deleted, nothing else is touched."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.alb import ProductionRule
from deployer.aws.cohort_rule import CohortRule
from deployer.aws.page_rule import PageRule, page
from deployer.aws.published import Front
from deployer.aws.session import Aws
from deployer.changes import SetCohort, SetPage, SetWeights
from deployer.cohort import Cohort
from deployer.errors import ChangeRefused
from deployer.lab import actions, inprocess
from deployer.lab.chaos import Fault, Kind
from deployer.lab.context import Context
from deployer.model import Admitted, Slot, Weights

Admin = Callable[[str], Any]
UP, AWAY = SetPage(up=True), SetPage(up=False)
THEIRS = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


@pytest.fixture(scope="module")
def subnets(context: Context) -> tuple[str, list[str]]:
    ec2 = inprocess.client(context, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    return vpc, [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]


@pytest.fixture
def unshipped(aws: Aws, admin: Admin, subnets: tuple[str, list[str]], fresh: str) -> ProductionRule:
    elbv2, (vpc, zones) = admin("elbv2"), subnets
    balancer = elbv2.create_load_balancer(Name=fresh, Subnets=zones)["LoadBalancers"][0]
    slots = {
        slot: elbv2.create_target_group(
            Name=f"{fresh}-{slot}", Protocol="HTTP", Port=80, VpcId=vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        for slot in Slot
    }
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{**THEIRS, "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    return ProductionRule(aws, listener, slots, {"deployer:service": "shop"})


@pytest.fixture
def rule(unshipped: ProductionRule) -> PageRule:
    unshipped.change(SetWeights(Weights(1000, 0), None))
    return PageRule(unshipped, "shop", "dev")


def is_up(rule: PageRule) -> bool:
    return rule.among(rule.production.rules())


def at(rule: PageRule, priority: str) -> Any:
    return next(r for r in rule.production.rules() if r["Priority"] == priority)


def test_it_comes_and_goes_and_the_production_rule_stays_as_it_is(rule: PageRule) -> None:
    before = at(rule, "49000")
    assert not is_up(rule)
    rule.change(UP)
    assert is_up(rule)
    assert rule.production.read() == (Weights(1000, 0), None)
    rule.change(AWAY)
    assert not is_up(rule)
    assert at(rule, "49000") == before


def test_it_says_how_to_wake_the_environment_and_is_tagged_as_the_page(
    rule: PageRule, admin: Admin
) -> None:
    rule.change(UP)
    found = at(rule, "47000")
    (action,) = found["Actions"]
    said = action["FixedResponseConfig"]
    assert (said["StatusCode"], said["ContentType"]) == ("503", "text/html")
    assert "shop/dev is asleep" in said["MessageBody"]
    assert "deployer --env dev wake" in said["MessageBody"]
    tags = admin("elbv2").describe_tags(ResourceArns=[found["RuleArn"]])["TagDescriptions"][0]
    assert {tag["Key"]: tag["Value"] for tag in tags["Tags"]} == {
        "deployer:service": "shop", "deployer:page": "asleep",
        "deployer:env-class": "ephemeral",
    }  # fmt: skip


def test_the_longest_names_fit_into_a_fixed_response() -> None:
    body = page("s" * 63, "e" * 63)["FixedResponseConfig"]["MessageBody"]
    assert len(body.encode()) <= 1024  # aws-facts 1.6


def test_it_comes_before_a_user_groups_rule(rule: PageRule) -> None:
    group = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.GREEN)
    CohortRule(rule.production).change(SetCohort(group, None))
    rule.change(UP)
    first = min(
        (r for r in rule.production.rules() if not r["IsDefault"]), key=lambda r: int(r["Priority"])
    )
    assert first["Actions"][0]["Type"] == "fixed-response"


def test_what_is_done_is_not_done_again(rule: PageRule) -> None:
    for change in (UP, AWAY):
        rule.change(change)
        since = len(actions.calls(external=True))
        rule.change(change)
        assert [call.action for call in actions.calls(external=True)[since:]] == ["DescribeRules"]


def test_somebody_elses_rule_is_never_touched(rule: PageRule, admin: Admin) -> None:
    theirs = admin("elbv2").create_rule(
        ListenerArn=rule.production.listener, Priority=47_000,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}], Actions=[THEIRS],
    )["Rules"][0]  # fmt: skip
    assert not is_up(rule)
    with pytest.raises(ChangeRefused, match=f"move or delete {theirs['RuleArn']}"):
        rule.change(UP)
    rule.change(AWAY)
    assert at(rule, "47000")["RuleArn"] == theirs["RuleArn"]


def test_a_page_that_would_answer_nobody_is_not_made(
    unshipped: ProductionRule, admin: Admin
) -> None:
    rule = PageRule(unshipped, "shop", "dev")
    with pytest.raises(ChangeRefused, match="nothing was ever released"):
        rule.change(UP)
    unshipped.change(SetWeights(Weights(1000, 0), None))
    arn = at(rule, "49000")["RuleArn"]
    admin("elbv2").set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 10}])
    with pytest.raises(ChangeRefused, match="priority 10, and the page must come before"):
        rule.change(UP)


def test_on_a_listener_of_others_it_asks_for_what_the_production_rule_asks_for(
    unshipped: ProductionRule, admin: Admin
) -> None:
    blue = unshipped.target_groups[Slot.BLUE]
    theirs = admin("elbv2").create_rule(
        ListenerArn=unshipped.listener, Priority=100,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": blue}],
    )["Rules"][0]["RuleArn"]  # fmt: skip
    production = ProductionRule(
        unshipped.aws, unshipped.listener, unshipped.target_groups, unshipped.tags,
        Front(theirs, 90),
    )  # fmt: skip
    production.change(SetWeights(Weights(1000, 0), Weights(1000, 0)))
    production.change(SetWeights(Weights(900, 100), Weights(1000, 0)))
    rule = PageRule(production, "shop", "dev")
    rule.change(UP)
    (condition,) = at(rule, "88")["Conditions"]
    assert condition["HostHeaderConfig"] == {"Values": ["shop.example"]}
    assert production.read()[0] == Weights(900, 100)


def test_a_lost_reply_to_its_making_is_recognised_as_ours(rule: PageRule, faults: Any) -> None:
    """botocore asks again: the second call finds what the first one did."""
    faults.add(Fault(Kind.LOST_REPLY, "elbv2", "CreateRule", times=1))
    rule.change(UP)
    assert is_up(rule)
    outcomes = [call.outcome for call in actions.calls("elbv2", "CreateRule")[-2:]]
    assert outcomes == ["ok", "PriorityInUse"]


@pytest.mark.parametrize(
    ("code", "raised"), [("RuleNotFound", None), ("OperationNotPermitted", ChangeRefused)]
)
def test_a_page_that_is_gone_needs_no_deletion(
    rule: PageRule, aws: Aws, code: str, raised: type[Exception] | None
) -> None:
    rule.change(UP)
    found = aws.elbv2.describe_rules(ListenerArn=rule.production.listener)
    with Stubber(aws.elbv2) as stub:
        stub.add_response("describe_rules", {"Rules": found["Rules"]})
        stub.add_client_error("delete_rule", code, http_status_code=400)
        with pytest.raises(raised) if raised else nullcontext():
            rule.change(AWAY)

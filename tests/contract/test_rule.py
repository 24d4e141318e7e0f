"""The production rule, against the lab's API."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from deployer.aws import weights as scale
from deployer.aws.alb import ProductionRule, resent
from deployer.aws.session import Aws
from deployer.changes import SetWeights, Stick
from deployer.errors import (
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    Halted,
    NotFound,
    WeightsMoved,
)
from deployer.lab import actions
from deployer.lab.chaos import Fault, Kind
from deployer.model import Slot, Weights

Admin = Callable[[str], Any]
HALF = Weights(500, 500)
BLUE, GREEN = Weights(1000, 0), Weights(0, 1000)


class Balancer(NamedTuple):
    listener: str
    blue: str
    green: str
    other: str


@pytest.fixture(scope="module")
def network(context: Any) -> tuple[str, list[str]]:
    from deployer.lab import inprocess

    ec2 = inprocess.client(context, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    return vpc, subnets


@pytest.fixture
def balancer(admin: Admin, network: tuple[str, list[str]], fresh: str) -> Balancer:
    vpc, subnets = network
    elbv2 = admin("elbv2")
    arn = elbv2.create_load_balancer(Name=fresh, Subnets=subnets)["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    groups = [
        elbv2.create_target_group(Name=f"{fresh}-{n}", Protocol="HTTP", Port=80, VpcId=vpc)[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for n in ("blue", "green", "other")
    ]
    listener = elbv2.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    return Balancer(listener, *groups)


@pytest.fixture
def rule(aws: Aws, balancer: Balancer) -> ProductionRule:
    return rule_of(aws, balancer)


def rule_of(aws: Aws, balancer: Balancer) -> ProductionRule:
    groups = {Slot.BLUE: balancer.blue, Slot.GREEN: balancer.green}
    return ProductionRule(aws, balancer.listener, groups, {"deployer:service": "shop"})


def forward(*groups: tuple[str, int], **more: Any) -> dict[str, Any]:
    tuples = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": tuples, **more}}


def foreign_rule(
    admin: Admin,
    balancer: Balancer,
    action: dict[str, Any],
    path: str = "/*",
    priority: int = 49_000,
) -> str:
    made = admin("elbv2").create_rule(
        ListenerArn=balancer.listener,
        Priority=priority,
        Conditions=[{"Field": "path-pattern", "Values": [path]}],
        Actions=[action],
    )
    arn: str = made["Rules"][0]["RuleArn"]
    return arn


def test_every_share_reads_back_as_it_was_written() -> None:
    for share in range(1001):
        weights = Weights(share, 1000 - share)
        sent = scale.written(weights)
        assert all(0 <= each <= 999 for each in sent.values())
        assert scale.read(sent[Slot.BLUE], sent[Slot.GREEN]) == weights


def test_a_slot_with_any_traffic_never_reads_as_one_without() -> None:
    for least in (1, 2, 998, 999):
        assert 0 < scale.read(least, 999).blue < 1000
        assert 0 < scale.read(999, least).green < 1000


def test_a_rule_that_serves_nothing_halts() -> None:
    with pytest.raises(Halted, match="weight 0"):
        scale.read(0, 0)


def test_no_rule_reads_as_no_weights(rule: ProductionRule) -> None:
    assert rule.read()[0] is None


def test_the_first_change_makes_the_rule_with_its_tags(
    rule: ProductionRule, admin: Admin, balancer: Balancer
) -> None:
    rule.change(SetWeights(BLUE, None))
    assert rule.read()[0] == BLUE
    rules = admin("elbv2").describe_rules(ListenerArn=balancer.listener)["Rules"]
    made = next(each for each in rules if each["Priority"] == "49000")
    tags = admin("elbv2").describe_tags(ResourceArns=[made["RuleArn"]])["TagDescriptions"][0]
    assert tags["Tags"] == [{"Key": "deployer:service", "Value": "shop"}]


def test_weights_move_and_a_repetition_changes_nothing(rule: ProductionRule) -> None:
    rule.change(SetWeights(BLUE, None))
    rule.change(SetWeights(Weights(950, 50), BLUE))
    assert rule.read()[0] == Weights(950, 50)
    before = len(actions.calls("elbv2", "ModifyRule"))
    rule.change(SetWeights(Weights(950, 50), BLUE))
    assert len(actions.calls("elbv2", "ModifyRule")) == before


@pytest.mark.parametrize("expected", [Weights(900, 100), None])
def test_weights_that_somebody_else_moved_are_left_alone(
    rule: ProductionRule, expected: Weights | None
) -> None:
    rule.change(SetWeights(BLUE, None))
    with pytest.raises(WeightsMoved, match="not"):
        rule.change(SetWeights(HALF, expected))
    assert rule.read()[0] == BLUE


def test_a_rule_that_is_gone_is_not_made_again_by_a_change_that_expects_one(
    rule: ProductionRule,
) -> None:
    with pytest.raises(WeightsMoved, match="gone"):
        rule.change(SetWeights(HALF, BLUE))
    assert rule.read()[0] is None


def made_sticky(admin: Admin, balancer: Balancer, sticky: object) -> str:
    """The production rule at half and half, as a person may have made it; its ARN."""
    foreign_rule(admin, balancer, {**forward((balancer.blue, 1), (balancer.green, 1)), "Order": 1})
    arn = next(
        each["RuleArn"]
        for each in admin("elbv2").describe_rules(ListenerArn=balancer.listener)["Rules"]
        if each["Priority"] == "49000"
    )
    action = forward((balancer.blue, 1), (balancer.green, 1), TargetGroupStickinessConfig=sticky)
    admin("elbv2").modify_rule(RuleArn=arn, Actions=[{**action, "Order": 1}])
    return str(arn)


STICKY = {"Enabled": True, "DurationSeconds": 600}


def action_of(admin: Admin, arn: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = admin("elbv2").describe_rules(RuleArns=[arn])["Rules"][0]["Actions"][
        0
    ]
    return found


def test_the_rest_of_the_rule_stays_while_shares_are_split(
    rule: ProductionRule, admin: Admin, balancer: Balancer
) -> None:
    arn = made_sticky(admin, balancer, STICKY)
    assert rule.read() == (HALF, 600)
    rule.change(SetWeights(Weights(250, 750), HALF, 600))
    assert action_of(admin, arn)["ForwardConfig"]["TargetGroupStickinessConfig"] == STICKY
    assert action_of(admin, arn)["Order"] == 1
    assert rule.read() == (Weights(250, 750), 600)


def test_whoever_gets_everything_gets_it_without_stickiness_in_one_change_and_it_comes_back(
    rule: ProductionRule, admin: Admin, balancer: Balancer, calls: set[str]
) -> None:
    arn = made_sticky(admin, balancer, STICKY)
    rule.change(SetWeights(GREEN, HALF, 600))
    assert rule.read() == (GREEN, None)
    assert action_of(admin, arn)["Order"] == 1
    calls.clear()
    rule.change(SetWeights(GREEN, HALF, 600))
    assert calls == {"elasticloadbalancing:DescribeRules"}
    rule.stick(Stick(600, GREEN))
    assert rule.read() == (GREEN, 600)
    rule.stick(Stick(30, GREEN))  # somebody's own choice stays
    assert rule.read() == (GREEN, 600)
    rule.change(SetWeights(GREEN, GREEN, 600))
    assert rule.read() == (GREEN, None)


def test_stickiness_that_was_not_read_is_not_switched_off_and_moved_weights_do_not_stick(
    rule: ProductionRule, admin: Admin, balancer: Balancer
) -> None:
    made_sticky(admin, balancer, STICKY)
    for read in (None, 300):
        with pytest.raises(WeightsMoved, match="sticks for 600 s"):
            rule.change(SetWeights(GREEN, HALF, read))
    with pytest.raises(WeightsMoved, match="somebody else moved traffic"):
        rule.stick(Stick(600, GREEN))
    assert rule.read() == (HALF, 600)


def test_a_rule_moved_to_another_priority_is_still_found(
    rule: ProductionRule, admin: Admin, balancer: Balancer
) -> None:
    foreign_rule(admin, balancer, forward((balancer.blue, 999), (balancer.green, 0)), priority=7)
    foreign_rule(admin, balancer, forward((balancer.other, 1)), path="/admin/*")
    assert rule.read()[0] == BLUE


def test_rules_of_others_on_the_same_listener_are_not_ours(
    rule: ProductionRule, admin: Admin, balancer: Balancer
) -> None:
    share = forward((balancer.blue, 1), (balancer.green, 1))
    foreign_rule(admin, balancer, share, path="/beta/*", priority=5)
    assert rule.read()[0] is None


@pytest.mark.parametrize("shape", ["one group", "other group", "three groups", "other path", "503"])
def test_a_foreign_rule_at_our_priority_halts(
    rule: ProductionRule, admin: Admin, balancer: Balancer, shape: str
) -> None:
    blue, green, other = (balancer.blue, 1), (balancer.green, 1), (balancer.other, 1)
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    action = {
        "one group": forward(blue),
        "other group": forward(blue, other),
        "three groups": forward(blue, green, other),
        "other path": forward(blue, green),
        "503": fixed,
    }[shape]
    arn = foreign_rule(admin, balancer, action, path="/x" if shape == "other path" else "/*")
    with pytest.raises(Halted, match="priority 49000") as told:
        rule.read()[0]
    assert arn in str(told.value)


def test_two_production_rules_halt(rule: ProductionRule, admin: Admin, balancer: Balancer) -> None:
    share = forward((balancer.blue, 1), (balancer.green, 1))
    foreign_rule(admin, balancer, share)
    foreign_rule(admin, balancer, share, priority=3)
    with pytest.raises(Halted, match="all but one"):
        rule.read()[0]


def test_a_lost_reply_to_the_first_change_is_recognised_as_ours(
    rule: ProductionRule, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "elbv2", "CreateRule", times=1))
    rule.change(SetWeights(BLUE, None))
    assert rule.read()[0] == BLUE
    outcomes = [call.outcome for call in actions.calls("elbv2", "CreateRule")[-2:]]
    assert outcomes == ["ok", "PriorityInUse"]


def test_a_rule_made_by_another_process_in_the_same_moment_is_left_alone(
    rule: ProductionRule, admin: Admin, balancer: Balancer, aws: Aws
) -> None:
    def overtake(**_event: object) -> None:
        aws.elbv2.meta.events.unregister("before-call.*.CreateRule", overtake)
        foreign_rule(admin, balancer, forward((balancer.blue, 1), (balancer.green, 1)))

    aws.elbv2.meta.events.register("before-call.*.CreateRule", overtake)
    with pytest.raises(WeightsMoved, match="somebody else in this moment"):
        rule.change(SetWeights(BLUE, None))
    assert rule.read()[0] == HALF


def test_a_rule_deleted_in_the_same_moment_counts_as_moved(
    rule: ProductionRule, admin: Admin, balancer: Balancer, aws: Aws
) -> None:
    arn = foreign_rule(admin, balancer, forward((balancer.blue, 999), (balancer.green, 0)))

    def overtake(**_event: object) -> None:
        aws.elbv2.meta.events.unregister("before-call.*.ModifyRule", overtake)
        admin("elbv2").delete_rule(RuleArn=arn)

    aws.elbv2.meta.events.register("before-call.*.ModifyRule", overtake)
    with pytest.raises(WeightsMoved, match="deleted"):
        rule.change(SetWeights(HALF, BLUE))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", AccessProblem),
        ("Throttling", CloudUnavailable),
        ("InvalidLoadBalancerAction", ChangeRefused),
        ("TooManyUniqueTargetGroupsPerLoadBalancer", ChangeRefused),
    ],
)
def test_refusals_of_new_weights(
    rule: ProductionRule, aws: Aws, code: str, kind: type[Exception]
) -> None:
    rule.change(SetWeights(BLUE, None))

    def refuse(**_event: object) -> None:
        aws.elbv2.meta.events.unregister("before-call.*.ModifyRule", refuse)
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "ModifyRule")

    aws.elbv2.meta.events.register("before-call.*.ModifyRule", refuse)
    with pytest.raises(kind, match="ModifyRule"):
        rule.change(SetWeights(HALF, BLUE))
    assert rule.read()[0] == BLUE


def test_a_listener_that_is_gone_is_named(aws: Aws, balancer: Balancer, admin: Admin) -> None:
    admin("elbv2").delete_listener(ListenerArn=balancer.listener)
    with pytest.raises(NotFound, match=balancer.listener):
        rule_of(aws, balancer).read()


def test_target_groups_of_another_account_are_refused(aws: Aws, balancer: Balancer) -> None:
    stranger = balancer._replace(green=balancer.green[:-1] + "x")
    with pytest.raises(ChangeRefused, match="CreateRule"):
        rule_of(aws, stranger).change(SetWeights(BLUE, None))


def test_a_change_without_an_answer_may_have_taken_effect(
    hasty: Aws, balancer: Balancer, faults: Any
) -> None:
    rule = rule_of(hasty, balancer)
    rule.change(SetWeights(BLUE, None))
    faults.add(Fault(Kind.LOST_REPLY, "elbv2", "ModifyRule", times=1))
    with pytest.raises(CloudUnavailable, match="ModifyRule"):
        rule.change(SetWeights(HALF, BLUE))
    rule.change(SetWeights(HALF, BLUE))
    assert rule.read()[0] == HALF


def test_what_is_sent_back_keeps_authentication_and_its_secret() -> None:
    oidc: dict[str, Any] = {
        "Type": "authenticate-oidc",
        "Order": 1,
        "AuthenticateOidcConfig": {"Issuer": "https://id", "ClientId": "shop"},
    }
    share = {
        **forward(("b", 1), ("g", 1), TargetGroupStickinessConfig={"Enabled": False}),
        "Order": 2,
        "TargetGroupArn": "b",
    }
    kept = resent(oidc, {"b": 999, "g": 0})  # type: ignore[arg-type]
    assert kept["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True
    assert kept["Order"] == 1
    sent = resent(share, {"b": 999, "g": 0})  # type: ignore[arg-type]
    assert "TargetGroupArn" not in sent
    assert sent == {
        **forward(("b", 999), ("g", 0), TargetGroupStickinessConfig={"Enabled": False}),
        "Order": 2,
    }
    assert share["TargetGroupArn"] == "b", "what was read stays as it was"

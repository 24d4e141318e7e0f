"""A user group's own rule: which requests it takes, and what becomes of it against the lab's API."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.alb import ProductionRule
from deployer.aws.cohort_rule import CohortRule
from deployer.aws.group_conditions import conditions, told
from deployer.aws.session import Aws
from deployer.changes import SetCohort, SetWeights
from deployer.cohort import NAMES, VALUES, Cohort, Trait
from deployer.errors import ChangeRefused, WeightsMoved
from deployer.lab import actions, inprocess
from deployer.lab.balancer import rule_conditions
from deployer.lab.balancer.conditions import SOURCE_HEADER, matchers
from deployer.lab.chaos import Fault, Kind
from deployer.model import Admitted, Blocked, Slot, Weights

Admin = Callable[[str], Any]
BETA = Cohort.parse("cookie:beta=1")
OURS = Admitted(BETA, Slot.GREEN)


def takes(text: str, **headers: str) -> bool:
    """Whether the rule of the group takes a request, as Envoy decides it in the lab."""
    (condition,) = rule_conditions.conditions(conditions(Cohort.parse(text)))
    matcher = matchers(condition)
    value = headers.get(matcher["name"].strip(":").replace("-", "_"))
    return value is not None and bool(
        re.fullmatch(matcher["string_match"]["safe_regex"]["regex"], value)
    )


@pytest.mark.parametrize(
    ("cookies", "met"),
    [
        ("beta=1", True),
        ("beta=1; a=b", True),
        ("a=b; beta=1", True),
        ("a=b; beta=1; c=d", True),
        ("BETA=1", True),  # in a load balancer's conditions case does not count
        ("xbeta=1", False),
        ("beta=10", False),
        ("xbeta=10", False),
        ("a=b; xbeta=1; c=d", False),
        ("a=b; beta=10; c=d", False),
        ("a=beta=1", False),
        ("beta=", False),
        ("beta=2; beta=1", True),
    ],
)
def test_a_cookie_is_that_cookie_and_no_other(cookies: str, met: bool) -> None:
    assert takes("cookie:beta=1", cookie=cookies) is met


def test_headers_queries_and_addresses() -> None:
    assert takes("header:X-Beta=yes", x_beta="Yes")
    assert not takes("header:X-Beta=yes", x_beta="yes!")
    assert not takes("header:X-Beta=yes")
    assert takes("header:User-Agent=*Firefox*", user_agent="Mozilla Firefox/150")
    assert takes("query:beta=1", path="/a?x=2&beta=1")
    assert not takes("query:beta=1", path="/a?xbeta=10")
    source = SOURCE_HEADER.replace("-", "_")
    assert takes("source:10.0.0.0/8,127.0.0.0/30", **{source: "127.0.0.2"})
    assert not takes("source:10.0.0.0/8,127.0.0.0/30", **{source: "127.0.0.9"})


def groups(trait: Trait) -> st.SearchStrategy[str]:
    if trait is Trait.SOURCE:
        networks = st.ip_addresses().map(lambda address: f"{address}/{address.max_prefixlen - 4}")
        return st.lists(networks, min_size=1, max_size=5).map(lambda n: f"source:{','.join(n)}")
    names, values = (st.from_regex(k[trait], fullmatch=True, alphabet=st.characters(
        min_codepoint=33, max_codepoint=126)) for k in (NAMES, VALUES))  # fmt: skip
    return st.builds(lambda name, value: f"{trait}:{name}={value}", names, values)


@given(text=st.sampled_from(Trait).flatmap(groups))
def test_every_group_makes_a_rule_that_aws_takes_and_that_reads_back_as_the_group(
    text: str,
) -> None:
    try:
        cohort = Cohort.parse(text)
    except ValueError:
        return  # too long, too many wildcards, or another condition's
    made = rule_conditions.conditions(conditions(cohort))
    assert told(made) == cohort  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "condition",
    [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["a", "b"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Cookie", "Values": ["a=1"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["a\\*"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "1"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["0.0.0.0/0"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}, "RegexValues": ["x"]},
    ],
)  # fmt: skip
def test_conditions_that_are_no_group_of_ours(condition: Any) -> None:
    assert told([condition]) is None
    assert told([]) is None


@pytest.fixture(scope="module")
def network(context: Any) -> tuple[str, list[str]]:
    ec2 = inprocess.client(context, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    return vpc, subnets


@pytest.fixture
def rule(aws: Aws, admin: Admin, network: tuple[str, list[str]], fresh: str) -> CohortRule:
    """Nothing is on the listener but the production rule, which sends everything to blue."""
    elbv2, (vpc, subnets) = admin("elbv2"), network
    balancer = elbv2.create_load_balancer(Name=fresh, Subnets=subnets)["LoadBalancers"][0]
    slots = {
        slot: elbv2.create_target_group(
            Name=f"{fresh}-{slot}", Protocol="HTTP", Port=80, VpcId=vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        for slot in Slot
    }
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[fixed],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    production = ProductionRule(aws, listener, slots, {"deployer:service": "shop"})
    production.change(SetWeights(Weights(1000, 0), None))
    return CohortRule(production)


def live(rule: CohortRule) -> Admitted | Blocked | None:
    return rule.among(rule.production.rules())


def at(rule: CohortRule, priority: str) -> Any:
    return next(r for r in rule.production.rules() if r["Priority"] == priority)


def made(since: int) -> list[str]:
    return [call.action for call in actions.calls(external=True)[since:]]


@pytest.mark.parametrize(
    "text", ["header:X-Beta=yes", "cookie:beta=1", "query:beta=1", "source:10.0.0.0/8,127.0.0.1"]
)
def test_a_group_comes_and_goes_and_nothing_else_changes(rule: CohortRule, text: str) -> None:
    ours = Admitted(Cohort.parse(text), Slot.GREEN)
    before = at(rule, "49000")
    assert live(rule) is None
    rule.change(SetCohort(ours, None))
    assert live(rule) == ours
    assert rule.production.read() == (Weights(1000, 0), None)
    rule.change(SetCohort(None, ours))
    assert live(rule) is None
    assert at(rule, "49000") == before


def test_what_is_done_is_not_done_again(rule: CohortRule) -> None:
    rule.change(SetCohort(OURS, None))
    since = len(actions.calls(external=True))
    rule.change(SetCohort(OURS, None))
    assert made(since) == ["DescribeRules"]
    rule.change(SetCohort(None, OURS))
    since = len(actions.calls(external=True))
    rule.change(SetCohort(None, OURS))
    assert made(since) == ["DescribeRules"]


def test_the_rule_is_tagged_as_a_groups(rule: CohortRule, admin: Admin) -> None:
    rule.change(SetCohort(OURS, None))
    arn = at(rule, "48000")["RuleArn"]
    tags = admin("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "deployer:service": "shop", "deployer:cohort": "green"
    }  # fmt: skip


def test_a_rule_that_was_changed_is_left_alone(rule: CohortRule, admin: Admin) -> None:
    rule.change(SetCohort(OURS, None))
    arn, blue = at(rule, "48000")["RuleArn"], rule.production.target_groups[Slot.BLUE]
    admin("elbv2").modify_rule(
        RuleArn=arn, Actions=[{"Type": "forward", "TargetGroupArn": blue}]
    )  # fmt: skip
    assert live(rule) == Admitted(BETA, Slot.BLUE)
    for change in (SetCohort(None, OURS), SetCohort(OURS, None)):
        with pytest.raises(WeightsMoved, match="cookie:beta=1 to blue"):
            rule.change(change)
    assert live(rule) == Admitted(BETA, Slot.BLUE)


def test_somebody_elses_rule_is_never_touched(rule: CohortRule, admin: Admin) -> None:
    theirs = admin("elbv2").create_rule(
        ListenerArn=rule.production.listener, Priority=48_000,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Rules"][0]  # fmt: skip
    found = live(rule)
    assert isinstance(found, Blocked)
    assert f"move or delete {theirs['RuleArn']}" in found.why
    with pytest.raises(ChangeRefused, match="priority 48000"):
        rule.change(SetCohort(OURS, None))
    rule.change(SetCohort(None, OURS))  # ours is gone, and that was all that was asked for
    assert at(rule, "48000")["RuleArn"] == theirs["RuleArn"]


def test_a_group_does_not_lead_around_what_the_production_rule_does_first(
    rule: CohortRule,
) -> None:
    rules = rule.production.rules()
    signed_in: Any = [
        {**each, "Actions": [{"Type": "authenticate-oidc", "Order": 1}, *each["Actions"]]}
        for each in rules
    ]
    found = rule.among(signed_in)
    assert isinstance(found, Blocked)
    assert "authenticate-oidc" in found.why
    first: Any = [{**r, "Priority": "10"} if r["Priority"] == "49000" else r for r in rules]
    found = rule.among(first)
    assert isinstance(found, Blocked)
    assert "priority 10" in found.why


def test_a_lost_reply_to_its_making_is_recognised_as_ours(rule: CohortRule, faults: Any) -> None:
    """botocore asks again: the second call finds what the first one did."""
    faults.add(Fault(Kind.LOST_REPLY, "elbv2", "CreateRule", times=1))
    rule.change(SetCohort(OURS, None))
    assert live(rule) == OURS
    outcomes = [call.outcome for call in actions.calls("elbv2", "CreateRule")[-2:]]
    assert outcomes == ["ok", "PriorityInUse"]


@pytest.mark.parametrize(
    ("code", "raised"), [("RuleNotFound", None), ("OperationNotPermitted", ChangeRefused)]
)
def test_a_rule_that_is_gone_needs_no_deletion(
    rule: CohortRule, aws: Aws, code: str, raised: type[Exception] | None
) -> None:
    """As after a reply that was lost: AWS does not know the rule any more."""
    rule.change(SetCohort(OURS, None))
    found = aws.elbv2.describe_rules(ListenerArn=rule.production.listener)
    with Stubber(aws.elbv2) as stub:
        stub.add_response("describe_rules", {"Rules": found["Rules"]})
        stub.add_client_error("delete_rule", code, http_status_code=400)
        with pytest.raises(raised) if raised else nullcontext():
            rule.change(SetCohort(None, OURS))


def test_a_rule_made_by_another_process_in_the_same_moment_is_left_alone(
    rule: CohortRule, aws: Aws, admin: Admin
) -> None:
    def overtake(**_event: object) -> None:
        aws.elbv2.meta.events.unregister("before-call.*.CreateRule", overtake)
        admin("elbv2").create_rule(
            ListenerArn=rule.production.listener, Priority=48_000,
            Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )  # fmt: skip

    aws.elbv2.meta.events.register("before-call.*.CreateRule", overtake)
    with pytest.raises(WeightsMoved, match="somebody else in this moment"):
        rule.change(SetCohort(OURS, None))
    assert isinstance(live(rule), Blocked)

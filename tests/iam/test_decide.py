"""Who may do what: IAM's evaluation logic by table, and what holds of any policies at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.iam.asked import Ask, Context
from deployer.lab.iam.decide import Policies, Principal, decide, trusts
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.iam.policy import Policy, parse
from tests.iam.conftest import ACCOUNT, ROLE, WHO, allow, deny, judged, policy

RULE = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:listener-rule/app/a/1/2/3"
MODIFY = Ask("elasticloadbalancing:ModifyRule", RULE)
LOOK = Ask("elasticloadbalancing:DescribeRules")


@pytest.mark.parametrize(
    ("ask", "statements", "allowed"),
    [
        (MODIFY, (), False),
        (MODIFY, (allow(),), True),
        (MODIFY, (allow("elasticloadbalancing:*"),), True),
        (MODIFY, (allow("ELASTICLOADBALANCING:modifyrule"),), True),  # actions know no case
        (MODIFY, (allow(["ec2:*", "elasticloadbalancing:Modify*"]),), True),
        (MODIFY, (allow("elasticloadbalancing:ModifyListener"),), False),
        (MODIFY, (allow(resource=RULE),), True),
        (MODIFY, (allow(resource=RULE.replace("/3", "/*")),), True),
        (MODIFY, (allow(resource=[RULE.replace("/3", "/4"), RULE]),), True),
        (MODIFY, (allow(resource=RULE.replace("/3", "/4")),), False),
        (MODIFY, (allow(), deny()), False),
        (MODIFY, (deny(), allow()), False),
        (MODIFY, (allow(), deny("ec2:*")), True),
        (MODIFY, (allow(), deny(resource=RULE.replace("/3", "/4"))), True),
        (MODIFY, ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},), True),
        (MODIFY, ({"Effect": "Allow", "NotAction": "elasticl*:*", "Resource": "*"},), False),
        (MODIFY, ({"Effect": "Allow", "Action": "*", "NotResource": RULE},), False),
        (MODIFY, ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"},), True),
        (MODIFY, (allow(), {"Effect": "Deny", "Action": "*", "NotResource": RULE}), True),
        # What is authorized on nothing in particular is granted on `*` only.
        (LOOK, (allow(),), True),
        (LOOK, (allow(resource="arn:aws:elasticloadbalancing:*:*:*"),), False),
    ],
)
def test_identity_policies(ask: Ask, statements: tuple[Any, ...], allowed: bool) -> None:
    assert judged(ask, *statements).allowed is allowed


def test_conditions_narrow_a_statement() -> None:
    mine = {"StringEquals": {"aws:ResourceTag/deployer:service": "shop"}}
    for tag, allowed in (("shop", True), ("other", False)):
        keys = {"aws:resourcetag/deployer:service": (tag,)}
        assert judged(MODIFY, allow(Condition=mine), keys=keys).allowed is allowed
    assert not judged(MODIFY, allow(Condition=mine)).allowed
    assert judged(MODIFY, allow(), deny(Condition=mine)).allowed


def test_a_boundary_limits_and_grants_nothing() -> None:
    inside, outside = policy(allow("elasticloadbalancing:*")), policy(allow("ec2:*"))
    assert judged(MODIFY, allow(), boundary=inside).allowed
    assert not judged(MODIFY, boundary=inside).allowed
    assert "permissions boundary" in judged(MODIFY, allow(), boundary=outside).why
    assert (
        "explicit deny in a permissions boundary"
        in judged(MODIFY, allow(), boundary=policy(allow(), deny())).why
    )


def test_a_resources_own_policy_allows_or_denies() -> None:
    get = Ask("s3:GetObject", "arn:aws:s3:::b/k")
    for principal, named in (
        ({"AWS": ROLE}, True),
        ({"AWS": WHO.arn}, True),
        ("*", True),
        ({"AWS": "arn:aws:iam::1:root"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
    ):
        opened = policy(allow(Principal=principal))
        closed = policy(deny(Principal=principal))
        assert judged(get, resource=(opened,)).allowed is named
        assert judged(get, allow(), resource=(closed,)).allowed is not named


@pytest.mark.parametrize("principal", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_to_allow_its_own_account_leaves_it_to_that_accounts_policies(principal: str) -> None:
    """And to deny it denies everybody in it."""
    get = Ask("s3:GetObject", "arn:aws:s3:::b/k")
    delegated = policy(allow(Principal={"AWS": principal}))
    assert not judged(get, resource=(delegated,)).allowed
    assert judged(get, allow("s3:GetObject"), resource=(delegated,)).allowed
    closed = policy(deny(Principal={"AWS": principal}))
    assert not judged(get, allow("s3:GetObject"), resource=(closed,)).allowed


@pytest.mark.parametrize(("principal", "allowed"), [(ROLE, False), (WHO.arn, True), ("*", True)])
def test_a_boundary_limits_what_a_resource_allows_to_the_role_not_to_its_session(
    principal: str, *, allowed: bool
) -> None:
    get = Ask("s3:GetObject", "arn:aws:s3:::b/k")
    opened = policy(allow(Principal={"AWS": principal}))
    narrow = policy(allow("ec2:*"))
    assert judged(get, resource=(opened,), boundary=narrow).allowed is allowed
    assert judged(get, resource=(opened,), boundary=policy(allow("s3:*"))).allowed


def test_the_reason_is_awss_own() -> None:
    action = "elasticloadbalancing:DescribeRules"
    assert judged(LOOK).why == f"because no identity-based policy allows the {action} action"
    assert judged(LOOK, deny()).why == "with an explicit deny in an identity-based policy"


ASSUME = Ask("sts:AssumeRole", ROLE)


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, True),
        ({"AWS": ACCOUNT}, True),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:role/other", ROLE]}, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, False),
        ({"AWS": "arn:aws:iam::999999999999:root"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
    ],
)
def test_trust(principal: Any, trusted: bool) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    assert trusts(ASSUME, Context({}), WHO, policy(statement)) is trusted
    refused = {**statement, "Effect": "Deny"}
    assert not trusts(ASSUME, Context({}), WHO, policy(statement, refused))


def test_ec2_becomes_only_roles_that_trust_it() -> None:
    ec2 = Principal("ec2.amazonaws.com", "", frozenset({("Service", "ec2.amazonaws.com")}))
    by = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    mine = policy({**by, "Principal": {"Service": "ec2.amazonaws.com"}})
    others = policy({**by, "Principal": {"AWS": ACCOUNT}})
    assert trusts(ASSUME, Context({}), ec2, mine)
    assert not trusts(ASSUME, Context({}), ec2, others)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({"Effect": "Allow", "Action": "*", "Resource": "*", "Weather": 1}, "Weather"),
        ({"Effect": "Perhaps", "Action": "*", "Resource": "*"}, "Effect Perhaps"),
        ({"Effect": "Allow", "Resource": "*"}, "neither Action"),
        ({"Effect": "Allow", "Action": "*"}, "neither Resource"),
        ({"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}, "both Action"),
        ({"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": "*"}, "NotPrincipal"),
        (allow(Condition={"DateLessThan": {"aws:CurrentTime": "x"}}), "DateLessThan"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(statement: Any, words: str) -> None:
    with pytest.raises(Unsupported, match=f"{words}.* in policy p"):
        policy(statement)


def test_versions() -> None:
    named = allow(resource="arn:aws:s3:::${aws:PrincipalAccount}")
    get = Ask("s3:ListBucket", "arn:aws:s3:::1")
    for version, allowed in (("2012-10-17", True), ("2008-10-17", False)):
        with_variables = Policies((policy(named, version=version),))
        keys = Context({"aws:principalaccount": ("1",)})
        assert decide(get, keys, WHO, with_variables).allowed is allowed
    with pytest.raises(Unsupported, match="Version 2030"):
        policy(named, version="2030-01-01")
    only = parse("p", json.dumps({"Statement": allow()}))  # one statement, without a list
    assert decide(get, Context({}), WHO, Policies((only,))).allowed


# -- what holds of any policies at all

_ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:GetObject", "ec2:*", "s3:PutObject"])
_RESOURCES = st.sampled_from(["*", "arn:aws:s3:::a/*", "arn:aws:s3:::b/*", "arn:aws:s3:::a/k"])
_CONDITIONS = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:RequestTag/t": "1"}},
        {"StringNotEquals": {"aws:RequestTag/t": "1"}},
        {"Null": {"aws:RequestTag/t": "true"}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["t"]}},
    ]
)


@st.composite
def _statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Deny"]))}
    made[draw(st.sampled_from(["Action", "NotAction"]))] = draw(_ACTIONS)
    made[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(_RESOURCES)
    return {**made, "Condition": draw(_CONDITIONS)}


_ASKS = st.builds(
    Ask,
    st.sampled_from(["s3:GetObject", "s3:PutObject", "ec2:RunInstances"]),
    st.sampled_from(["*", "arn:aws:s3:::a/k", "arn:aws:s3:::b/k", "arn:aws:s3:::c"]),
    st.sampled_from([{}, {"aws:requesttag/t": ("1",), "aws:tagkeys": ("t", "u")}]),
)
_DOCUMENTS = st.lists(_statements(), max_size=4)


@given(_ASKS, _DOCUMENTS, _statements(effect="Deny"), st.integers(0, 4))
def test_one_deny_more_never_allows_more(
    ask: Ask, statements: list[Any], more: Any, at: int
) -> None:
    before = judged(ask, *statements).allowed
    after = judged(ask, *statements[:at], more, *statements[at:]).allowed
    assert before or not after


@given(_ASKS, _DOCUMENTS, _statements(effect="Allow"), st.integers(0, 4))
def test_one_allow_more_never_denies(ask: Ask, statements: list[Any], more: Any, at: int) -> None:
    before = judged(ask, *statements).allowed
    after = judged(ask, *statements[:at], more, *statements[at:]).allowed
    assert after or not before


@given(_ASKS, _DOCUMENTS, st.randoms(use_true_random=False))
def test_the_order_of_statements_means_nothing(ask: Ask, statements: list[Any], by: Any) -> None:
    shuffled = list(statements)
    by.shuffle(shuffled)
    assert judged(ask, *statements).allowed is judged(ask, *shuffled).allowed


@given(_ASKS, _DOCUMENTS, _DOCUMENTS)
def test_a_boundary_never_allows_more(ask: Ask, statements: list[Any], bounds: list[Any]) -> None:
    boundary: Policy = policy(*bounds)
    assert (
        judged(ask, *statements).allowed or not judged(ask, *statements, boundary=boundary).allowed
    )


@given(_ASKS, _DOCUMENTS)
def test_nothing_but_an_allow_allows(ask: Ask, statements: list[Any]) -> None:
    denials = [each for each in statements if each["Effect"] == "Deny"]
    assert not judged(ask, *denials).allowed

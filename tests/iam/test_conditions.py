"""Condition operators by table: AWS's documentation of each is in the module's docstring."""

from typing import Any

import pytest

from deployer.lab.iam.asked import Context
from deployer.lab.iam.conditions import read
from deployer.lab.iam.patterns import Unsupported

RULE = "arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/a/b/c/d"
KEYS: dict[str, tuple[str, ...]] = {
    "aws:requesttag/team": ("Shop",),
    "aws:tagkeys": ("team", "env"),
    "aws:securetransport": ("true",),
    "aws:principalarn": (RULE,),
    "s3:prefix": ("home/me/",),
    "x:number": ("7",),
    "x:none": (),
}


@pytest.mark.parametrize(
    ("block", "holds"),
    [
        ({}, True),
        ({"StringEquals": {"aws:RequestTag/team": "Shop"}}, True),
        ({"StringEquals": {"aws:RequestTag/team": "shop"}}, False),
        ({"StringEquals": {"AWS:requesttag/TEAM": "Shop"}}, True),  # keys know no case
        ({"StringEquals": {"aws:RequestTag/team": ["a", "Shop"]}}, True),  # any of them
        ({"StringEquals": {"aws:RequestTag/team": "Sh*"}}, False),  # no pattern
        ({"StringEquals": {"aws:RequestTag/other": "x"}}, False),  # absent
        ({"StringEqualsIfExists": {"aws:RequestTag/other": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:RequestTag/team": "x"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:RequestTag/team": "SHOP"}}, True),
        ({"StringNotEquals": {"aws:RequestTag/team": ["a", "Shop"]}}, False),  # none of them
        ({"StringNotEquals": {"aws:RequestTag/team": ["a", "b"]}}, True),
        ({"StringNotEquals": {"aws:RequestTag/other": "x"}}, True),  # absent
        ({"StringNotEqualsIgnoreCase": {"aws:RequestTag/team": "shop"}}, False),
        ({"StringLike": {"s3:prefix": "home/*"}}, True),
        ({"StringLike": {"s3:prefix": ["a/*", "b/*"]}}, False),
        ({"StringLike": {"s3:prefix": "home/${aws:RequestTag/team}/"}}, False),
        ({"StringNotLike": {"s3:prefix": "home/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:*:1:listener-rule/app/*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": RULE}}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/*"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"Bool": {"aws:SecureTransport": False}}, False),
        ({"Null": {"aws:RequestTag/team": "false"}}, True),
        ({"Null": {"aws:RequestTag/team": True}}, False),
        ({"Null": {"aws:RequestTag/other": "true"}}, True),
        ({"NumericEquals": {"x:number": 7}}, True),
        ({"NumericLessThan": {"x:number": 7}}, False),
        ({"NumericLessThanEquals": {"x:number": 7}}, True),
        ({"NumericGreaterThan": {"x:number": "6.5"}}, True),
        ({"NumericGreaterThanEquals": {"x:number": 8}}, False),
        ({"NumericNotEquals": {"x:number": 8}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "env", "x"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, False),
        ({"ForAllValues:StringEquals": {"x:none": ["team"]}}, True),  # AWS: true of nothing
        ({"ForAnyValue:StringLike": {"aws:TagKeys": "e*"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}, False),
        ({"ForAnyValue:StringEquals": {"x:none": "x"}}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": "team"}}, True),  # env is another
        ({"ForAllValues:StringNotEquals": {"aws:TagKeys": "team"}}, False),
        # Every operator and every key of a block must hold.
        ({"StringEquals": {"aws:RequestTag/team": "Shop", "s3:prefix": "no"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "Null": {"s3:prefix": "true"}}, False),
    ],
)
def test_operators(block: dict[str, Any], holds: bool) -> None:
    context = Context(KEYS)
    assert all(condition.holds(context) for condition in read(block)) is holds


@pytest.mark.parametrize(
    "operator",
    [
        *("DateLessThan", "IpAddress", "BinaryEquals", "StringSounds", "SomeValues:StringEquals"),
        *("NullIfExists", "ForAnyValue:"),
    ],
)
def test_an_operator_that_is_not_evaluated_is_named(operator: str) -> None:
    with pytest.raises(Unsupported, match=operator):
        read({operator: {"aws:RequestTag/team": "x"}})


def test_null_takes_true_or_false() -> None:
    with pytest.raises(Unsupported, match="Null"):
        read({"Null": {"aws:RequestTag/team": "maybe"}})


def test_a_key_that_the_lab_does_not_know_is_no_fact_of_absence() -> None:
    (condition,) = read({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})
    with pytest.raises(Unsupported, match="aws:SourceVpc"):
        condition.holds(Context(KEYS))


def test_several_values_need_a_set_operator() -> None:
    (condition,) = read({"StringEquals": {"aws:TagKeys": "team"}})
    with pytest.raises(Unsupported, match="ForAllValues"):
        condition.holds(Context(KEYS))

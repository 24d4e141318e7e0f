"""Intrinsics, conditions, parameters and order: pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.cloudformation import document, graph, parameters
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.template import Known, Scope, broken_rules, resolve

SCOPE = Scope(
    parameters={
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
        "Name": "shop",
        "Zones": ["a", "b"],
        "Flag": "true",
    },
    conditions={
        "Yes": {"Fn::Equals": [{"Ref": "Flag"}, True]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
    },
    mappings={"Sizes": {"us-east-1": {"small": "t3.small"}}},
    resources={"Bucket": Known("bucket-1", {"Arn": "arn:bucket-1", "Nested.Name": "deep"})},
    exports={"other:Vpc": "vpc-1"},
    zones=lambda: ["us-east-1a", "us-east-1b"],
    ssm=lambda name: f"<{name}>",
)

RESOLVED: list[tuple[Any, Any]] = [
    ({"Ref": "Name"}, "shop"),
    ({"Ref": "Zones"}, ["a", "b"]),
    ({"Ref": "Bucket"}, "bucket-1"),
    ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:bucket-1"),
    ({"Fn::GetAtt": "Bucket.Arn"}, "arn:bucket-1"),
    ({"Fn::GetAtt": ["Bucket", "Nested.Name"]}, "deep"),
    ({"Fn::Sub": "${Name}-${Bucket.Arn}-${!Literal}"}, "shop-arn:bucket-1-${Literal}"),
    ({"Fn::Sub": ["${Own}/${AWS::Region}", {"Own": {"Ref": "Bucket"}}]}, "bucket-1/us-east-1"),
    ({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 1, True]]}, "a-shop-1-true"),
    ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
    ({"Fn::Join": ["", ["a", {"Ref": "AWS::NoValue"}]]}, "a"),
    ({"Fn::Select": [1, {"Fn::GetAZs": ""}]}, "us-east-1b"),
    ({"Fn::Select": ["0", {"Fn::GetAZs": {"Ref": "AWS::Region"}}]}, "us-east-1a"),
    ({"Fn::Split": ["|", "a|b|"]}, ["a", "b", ""]),
    ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "t3.small"),
    ({"Fn::ImportValue": {"Fn::Sub": "other:Vpc"}}, "vpc-1"),
    ({"Fn::If": ["Yes", {"a": 1}, {"b": 2}]}, {"a": 1}),
    ({"x": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "y": 2}, {"y": 2}),
    ([1, {"Fn::If": ["No", 2, {"Ref": "AWS::NoValue"}]}, 3], [1, 3]),
    ({"Fn::And": [{"Condition": "Yes"}, {"Fn::Equals": ["a", "a"]}]}, True),
    ({"Fn::Or": [{"Condition": "No"}, {"Fn::Equals": ["a", "b"]}]}, False),
    ({"Fn::Base64": {"Fn::Sub": "hi ${Name}"}}, "aGkgc2hvcA=="),
    ({"Fn::Cidr": ["10.0.0.0/16", 3, 8]}, ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]),
    ({"Fn::Contains": [["1", "2"], {"Ref": "Name"}]}, False),
    ("pre-{{resolve:ssm:/a/b}}-post", "pre-</a/b>-post"),
    # Not a call: a policy statement's own Condition.
    ({"Condition": {"Bool": {"x": "y"}}}, {"Condition": {"Bool": {"x": "y"}}}),
]


@pytest.mark.parametrize(("expression", "value"), RESOLVED)
def test_resolves(expression: Any, value: Any) -> None:
    assert resolve(expression, SCOPE) == value


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ({"Ref": "Nobody"}, "unresolved reference Nobody"),
        ({"Fn::GetAtt": ["Bucket", "Color"]}, r"Bucket has no attribute Color.*Arn"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "unknown resource Nobody"),
        ({"Fn::Transform": {"Name": "x"}}, "does not simulate Fn::Transform"),
        ({"Fn::Select": [2, ["a", "b"]]}, "nonexistent value at index 2"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "small"]}, "Sizes::eu-west-1::small"),
        ({"Fn::ImportValue": "gone"}, "No export named gone found"),
        ({"Fn::If": ["Maybe", 1, 2]}, "condition dependency Maybe"),
        ({"Fn::Join": ["-"]}, "Fn::Join takes 2 to 2"),
        ({"Fn::Sub": "${Zones}"}, "is not text"),
        ({"Fn::GetAZs": "eu-west-1"}, "one region"),
        ({"Fn::Cidr": ["10.0.0.0/30", 9, 1]}, "has no 9 blocks"),
        ("{{resolve:secretsmanager:x}}", "no dynamic reference to secretsmanager"),
        ({"Fn::And": [{"Ref": "Name"}, True]}, "is not a condition"),
    ],
)
def test_refuses(expression: Any, complaint: str) -> None:
    with pytest.raises(TemplateInvalid, match=complaint):
        resolve(expression, SCOPE)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc{}$", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3)
    ),
)


@given(PLAIN)
def test_what_calls_nothing_stays_as_it_is(value: Any) -> None:
    assert resolve(value, SCOPE) == value


def test_rules_tell_what_they_assert() -> None:
    rule = {
        "CheckBootstrapVersion": {
            "Assertions": [
                {
                    "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "Name"}]}]},
                    "AssertDescription": "bootstrap again",
                }
            ]
        }
    }
    assert broken_rules(rule, SCOPE) == []
    old = Scope(parameters={"Name": "2"})
    assert broken_rules(rule, old) == ["bootstrap again"]


def no_ssm(name: str) -> str:
    raise TemplateInvalid(f"no {name}")


def test_parameters_are_given_kept_defaulted_and_typed() -> None:
    declared = {
        "Given": {"Type": "String", "Default": "x"},
        "Kept": {"Type": "Number"},
        "Listed": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Empty": {"Type": "CommaDelimitedList", "Default": ""},
        "Fetched": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/ami"},
        "Flag": {"Type": "String", "Default": True, "AllowedValues": ["true", False]},
    }
    got = parameters.settle(declared, {"Given": "y"}, {"Kept": "7"}, lambda name: f"ami-{name}")
    assert got.values == {
        "Given": "y",
        "Kept": "7",
        "Listed": ["a", "b"],
        "Empty": [""],
        "Fetched": "ami-/ami",
        "Flag": "true",
    }
    assert got.inputs["Fetched"] == "/ami"
    assert got.fetched == {"Fetched": "ami-/ami"}


@pytest.mark.parametrize(
    ("rule", "value", "complaint"),
    [
        ({"Type": "String"}, None, r"\[P\] must have values"),
        ({"Type": "Number"}, "seven", "must be a number"),
        ({"Type": "Number", "MinValue": 3}, "2", "at least 3"),
        ({"Type": "String", "MaxLength": 2}, "abc", "length of at most 2"),
        ({"Type": "String", "AllowedValues": ["a"]}, "b", r"AllowedValues \[a\]"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "B", "must match pattern"),
        ({"Type": "Strange"}, "x", "Unrecognized parameter type"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/gone", "no /gone"),
    ],
)
def test_parameters_that_break_their_rule(
    rule: dict[str, Any], value: str | None, complaint: str
) -> None:
    given = {} if value is None else {"P": value}
    with pytest.raises(TemplateInvalid, match=complaint):
        parameters.settle({"P": rule}, given, {}, no_ssm)


def test_parameters_that_nobody_declared() -> None:
    with pytest.raises(TemplateInvalid, match=r"\[Q\] do not exist in the template"):
        parameters.settle({}, {"Q": "1"}, {}, no_ssm)


def test_yaml_short_forms_are_the_long_ones() -> None:
    text = """
    Resources:
      A:
        Type: AWS::S3::Bucket
        Properties:
          X: !GetAtt B.Arn.Deep
          Y: !Sub "${B}-x"
          Z: !If [C, !Ref B, !Ref AWS::NoValue]
          Version: 2012-10-17
    """
    properties = document.load(text)["Resources"]["A"]["Properties"]
    assert properties == {
        "X": {"Fn::GetAtt": ["B", "Arn.Deep"]},
        "Y": {"Fn::Sub": "${B}-x"},
        "Z": {"Fn::If": ["C", {"Ref": "B"}, {"Ref": "AWS::NoValue"}]},
        "Version": "2012-10-17",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "format error"),
        ("[]", "unsupported structure"),
        ("{}", "At least one Resources"),
        ('{"Resources": {"A": {}}}', "needs a Type"),
        ('{"Resources": {"A": {"Type": "T", "Propertys": {}}}}', "Propertys"),
        ('{"Resources": {"A": {"Type": "T"}}, "Transform": "AWS::Serverless"}', "no transform"),
        ('{"Resources": {"A": {"Type": "T"}}, "Hooks": {}}', "Hooks"),
        ('{"Resources": {"A": {"Type": "T", "DeletionPolicy": "Keep"}}}', "Keep"),
    ],
)
def test_documents_that_are_no_templates(text: str, complaint: str) -> None:
    with pytest.raises(TemplateInvalid, match=complaint):
        document.load(text)


def test_dependencies_come_from_every_kind_of_reference() -> None:
    resources: dict[str, dict[str, Any]] = {
        "A": {"Properties": {"x": [{"Ref": "B"}, {"Ref": "P"}, {"Ref": "AWS::Region"}]}},
        "B": {"Properties": {"x": {"Fn::GetAtt": ["C", "Arn"]}}, "DependsOn": "D"},
        "C": {"Properties": {"x": {"Fn::Sub": "${D.Arn} ${!E} ${P}"}}},
        "D": {"Properties": {"x": {"Fn::Sub": ["${Own}${E}", {"Own": 1}]}}, "DependsOn": ["F"]},
        "E": {"DependsOn": ["Left out"]},
        "F": {},
    }
    needs = graph.dependencies(resources, {"P", "Left out"})
    assert needs == {
        "A": {"B"},
        "B": {"C", "D"},
        "C": {"D"},
        "D": {"E", "F"},
        "E": set(),
        "F": set(),
    }


def test_unknown_names_and_circles_are_told() -> None:
    with pytest.raises(TemplateInvalid, match=r"Unresolved resource dependencies \[X, Y\]"):
        graph.dependencies({"A": {"Properties": {"a": {"Ref": "X"}}, "DependsOn": "Y"}}, ())
    with pytest.raises(TemplateInvalid, match=r"Circular dependency between resources: \[A, B\]"):
        graph.order({"A": {"B"}, "B": {"A"}, "C": set()})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_everything_comes_after_what_it_needs(edges: list[tuple[int, int]]) -> None:
    needs: dict[str, set[str]] = {str(number): set() for number in range(10)}
    for one, other in edges:
        if one != other:
            needs[str(max(one, other))].add(str(min(one, other)))
    ordered = graph.order(needs)
    assert sorted(ordered) == sorted(needs)
    assert all(
        ordered.index(first) < ordered.index(name) for name in needs for first in needs[name]
    )

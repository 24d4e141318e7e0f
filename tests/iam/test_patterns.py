import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.iam.patterns import Unsupported, literal, matches, matches_arn

PLAIN = st.text(st.characters(exclude_characters="*?${}:"), max_size=12)


def values(name: str) -> str | None:
    return {"aws:username": "al*ce", "aws:PrincipalTag/team": "shop"}.get(name)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("a", "a", True),
        ("a", "A", False),
        ("a.c", "abc", False),  # no regular expression
        ("a*", "a", True),
        ("*", "", True),
        ("a*c", "abbbc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("Describe*", "DescribeRules", True),
        ("*Rule*", "ModifyRule", True),
        ("$x", "$x", True),
        ("${*}", "*", True),
        ("${*}", "anything", False),
        ("${?}${$}", "?$", True),
        ("${aws:username}", "al*ce", True),
        ("${aws:username}", "alice", False),  # a value is no pattern
        ("home/${aws:PrincipalTag/team}/*", "home/shop/x", True),
        ("${aws:nobody}", "", False),  # a variable without a value fits nothing
        ("${aws:nobody, 'all'}", "all", True),
    ],
)
def test_texts(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text, values) is fits


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b*", "arn:aws:s3:::bucket", True),
        ("arn:aws:ec2:*:*:launch-template/lt-1", "arn:aws:ec2:us-east-1:1:launch-template/lt-1", True),
        # A wildcard does not reach across a colon of the first five.
        ("arn:aws:ec2:*:launch-template/lt-1:x", "arn:aws:ec2:us-east-1:1:launch-template/lt-1", False),
        ("arn:aws:autoscaling:r:1:autoScalingGroup:*:n/a", "arn:aws:autoscaling:r:1:autoScalingGroup:u:n/a", True),
        ("arn:aws:s3:::${aws:PrincipalTag/team}", "arn:aws:s3:::shop", True),
    ],
)  # fmt: skip
def test_arns(pattern: str, arn: str, fits: bool) -> None:
    assert matches_arn(pattern, arn, values) is fits


def test_half_an_arn_is_refused() -> None:
    for half in ("arn:aws:s3", "bucket", "x:a:b:c:d:e"):
        with pytest.raises(Unsupported, match="no ARN"):
            matches_arn(half, "arn:aws:s3:::b")


def test_literals_keep_their_stars() -> None:
    assert literal("a*${aws:PrincipalTag/team}${*}", values) == "a*shop*"
    assert literal("${aws:nobody}", values) is None


@given(PLAIN, PLAIN, PLAIN)
def test_a_star_stands_for_anything(before: str, middle: str, after: str) -> None:
    assert matches(f"{before}*{after}", before + middle + after)
    assert matches(before + middle, before + middle)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_breaks_the_matching(pattern: str, text: str) -> None:
    assert matches(pattern, text) in (True, False)

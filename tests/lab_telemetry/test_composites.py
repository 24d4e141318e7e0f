"""Rules of composite alarms."""

import pytest

from deployer.lab.telemetry.composites import BadRule, parse
from deployer.lab.telemetry.evaluation import State

STATES = {"a": State.ALARM, "b": State.OK, "c d": State.INSUFFICIENT_DATA}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ("ALARM(b)", False),
        ("OK(b) AND ALARM(a)", True),
        ("ALARM(b) OR ALARM(a)", True),
        ('INSUFFICIENT_DATA("c d")', True),
        ("INSUFFICIENT_DATA(c d)", True),
        ("NOT ALARM(a)", False),
        ("NOT NOT ALARM(a)", True),
        ("TRUE AND NOT FALSE", True),
        # NOT before AND before OR
        ("ALARM(a) OR ALARM(a) AND FALSE", True),
        ("(ALARM(a) OR ALARM(a)) AND FALSE", False),
        ("NOT ALARM(b) AND ALARM(a)", True),
        ("(ALARM(a) OR ALARM(b)) AND OK(b)", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ("alarm(a) and not ok(a)", True),
        ("OK(gone)", False),
    ],
)
def test_rules(rule: str, holds: bool) -> None:
    assert parse(rule).holds(STATES) is holds


def test_children_are_named_once_in_order() -> None:
    assert parse('ALARM(b) AND (OK("c d") OR ALARM(b))').children == ("b", "c d")


@pytest.mark.parametrize(
    "rule",
    ["", "ALARM", "ALARM()", "ALARM(a", "(ALARM(a)", "ALARM(a))", "ALARM(a) AND", "ALARM(a) ALARM(b)",
     "XOR(a)", "AND ALARM(a)", "ALARM(a) & ALARM(b)", "NOT", ")",
     " OR ".join(f"ALARM(n{n})" for n in range(101)), "(" * 260 + "TRUE" + ")" * 260],
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        parse(rule)

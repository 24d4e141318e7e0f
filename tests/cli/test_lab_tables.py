"""What the demo and `lab load` conclude from what the client saw."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from deployer.cli.lab_tables import Ending, demo_table, lost, own_failures

ENDINGS = (
    Ending("v2", "promoted", expected=0, status=0, took_s=31.0),
    Ending("v3", "rolled back", expected=3, status=3, took_s=12.0),
)


Failures = Mapping[str, Mapping[str, int]]  # by release, by cause


def report(failures: Failures | None = None, skipped: int = 0) -> dict[str, Any]:
    """Every release has 100 requests."""
    failures = failures or {}
    names = {"v2", "v3", *failures}
    seen = {name: {"requests": 100, "failures": failures.get(name, {})} for name in sorted(names)}
    return {"requests": 100 * len(seen), "skipped": skipped, "releases": seen}


def told(document: dict[str, Any], endings: tuple[Ending, ...] = ENDINGS) -> str:
    text = StringIO()
    Console(width=200, file=text).print(demo_table(endings, document))
    return text.getvalue()


@pytest.mark.parametrize(
    ("failures", "ours"),
    [
        ({}, {}),
        ({"v3": {"http_500": 7}}, {}),  # a bad release's own answers
        ({"v3": {"reset": 1}}, {"v3: reset": 1}),  # cut while it answered
        ({"v2": {"http_500": 2}}, {"v2: http_500": 2}),  # a good release has none
        ({"none": {"http_502": 3}}, {"none: http_502": 3}),  # the load balancer's answer
        ({"unanswered": {"timeout": 1}}, {"unanswered: timeout": 1}),
    ],
)
def test_only_what_the_bad_release_answered_is_not_ours(
    failures: Failures, ours: dict[str, int]
) -> None:
    document = report(failures)
    assert lost(document, ["v3"]) == ours
    assert ("LOST" in told(document)) == bool(ours)
    assert ("none lost." in told(document)) != bool(ours)


def test_the_load_balancers_answers_are_no_releases_own() -> None:
    assert own_failures("v3", {"http_500": 7, "reset": 1}) == 7
    assert own_failures("none", {"http_502": 3}) == 0


def test_requests_that_were_not_sent_are_said() -> None:
    assert "9 more were due and not sent" in told(report(skipped=9))


def test_another_ending_than_expected_is_said() -> None:
    wrong = (Ending("v3", "rolled back", expected=3, status=0, took_s=12.0),)
    assert "exit 0, not 3" in told(report(), wrong)
    assert "rolled back" not in told(report(), wrong)

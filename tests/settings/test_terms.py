"""Settings, and what was usual before -> the terms of a canary, which the journal keeps."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import FAILURES, SLOW, Limits, Metric
from deployer.analysis.terms import Terms
from deployer.intent import Intent
from deployer.model import Release
from deployer.operations.usual import ENOUGH_MIN, Past, Wish
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.settings.terms import wish_of
from deployer.wiring.intents import intent_of, notes

V2 = Release("v2")
USUAL = {"failures": Base(0.001, 1.2, 900), "slow": Base(0.006, 2.0, 900)}
PAST = Past(900, 0.25, USUAL, 1234.5)
MINIMAL = """
[service]
name = "shop"
[environments.dev]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0abcdef1234567890"
"""


def settings(tmp_path: Path, more: str = "") -> Settings:
    path = tmp_path / "deployer.toml"
    path.write_text(MINIMAL + more)
    return load(path)


def test_by_default_a_canary_ramps_and_holds_a_little_back(tmp_path: Path) -> None:
    intent = intent_of(settings(tmp_path), V2, "canary", PAST)
    assert intent.auto
    assert (intent.hold_back, intent.hold_back_s) == (50, 600.0)
    assert intent.terms == Terms(
        Limits((FAILURES, SLOW), delay_min=2, stale_min=5), USUAL, 0.25, 1234.5
    )


def test_weights_that_are_given_are_fixed_and_nothing_is_held_back(tmp_path: Path) -> None:
    intent = intent_of(settings(tmp_path, "[canary]\nweights = [5, 50]"), V2, "canary", PAST)
    assert (intent.auto, intent.weights) == (False, (50, 500))
    assert (intent.hold_back, intent.hold_back_s) == (0, 3600.0)
    assert intent.terms is not None
    assert intent.terms.bases == USUAL


def test_without_a_past_steps_are_fixed_and_people_are_told(tmp_path: Path) -> None:
    chosen, little = settings(tmp_path), Past(ENOUGH_MIN - 1)
    intent = intent_of(chosen, V2, "canary", little)
    assert (intent.auto, intent.weights, intent.hold_back) == (False, (50, 250, 500), 50)
    assert intent.terms == Terms(Limits((FAILURES,), delay_min=2, stale_min=5))
    assert "".join(notes(chosen, little)) == (
        "No ramp: it needs 15 minutes of traffic in the last day to be planned by, and there are 14; "
        "fixed steps instead: 5 %, 25 %, 50 %."
    )
    assert list(notes(chosen, PAST)) == []
    fixed = settings(tmp_path, "[canary]\nweights = [5]")
    assert list(notes(fixed, little)) == []


def test_every_number_reaches_the_analysis(tmp_path: Path) -> None:
    more = """
[analysis]
alpha = 0.002
beta = 0.1
tolerated = 1.25
harm_budget = 30
warm_up = "5m"
min_time = "7m"
max_time = "1h"
metrics_delay = "70s"
inconclusive = "hold"
"""
    terms = intent_of(settings(tmp_path, more), V2, "canary", PAST).terms
    assert terms is not None
    assert terms.limits == Limits(
        (replace(FAILURES, tolerated=1.25), replace(SLOW, tolerated=1.25)), alpha=0.002, beta=0.1,
        harm_budget=30.0, warm_up=5, delay_min=2, min_minutes=7, max_minutes=60, stale_min=5,
        inconclusive="hold",
    )  # fmt: skip


def test_further_metrics_are_judged_too(tmp_path: Path) -> None:
    more = """
[[analysis.metrics]]
name = "orders refused"
source = "webhook"
url = "https://metrics.example.com/orders?slot={slot}"
weight = 2
tolerated = 1.5
"""
    terms = intent_of(settings(tmp_path, more), V2, "canary", PAST).terms
    assert terms is not None
    refused = Metric("orders refused", weight=2.0, tolerated=1.5)
    assert terms.limits.metrics == (FAILURES, SLOW, refused)
    assert terms.bases == USUAL


@pytest.mark.parametrize(
    ("said", "beside", "plain"),
    [
        ("auto", "promote", "abort"),
        ("promote", "promote", "promote"),
        ("hold", "hold", "hold"),
        ("abort", "abort", "abort"),
    ],
)
def test_what_too_little_evidence_means(tmp_path: Path, said: str, beside: str, plain: str) -> None:
    chosen = settings(tmp_path, f'[analysis]\ninconclusive = "{said}"')
    intent = intent_of(chosen, V2, "canary", PAST)
    assert intent.terms is not None
    assert (intent.terms.limits.inconclusive, intent.inconclusive) == (beside, plain)
    other = intent_of(chosen, V2, "blue-green")
    assert (other.terms, other.inconclusive, other.hold_back) == (None, plain, 0)


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("auto", Wish(120.0)),
        ("500ms", Wish(120.0, slow_s=0.5)),
        ("1.5s", Wish(120.0, slow_s=1.5)),
        ("off", Wish(120.0, judged=False)),
    ],
)
def test_when_an_answer_is_slow(tmp_path: Path, said: str, wish: Wish) -> None:
    assert wish_of(settings(tmp_path, f'[analysis]\nslow = "{said}"').analysis) == wish


def test_the_journal_keeps_the_terms_and_reads_records_from_before_them(tmp_path: Path) -> None:
    intent = intent_of(settings(tmp_path), V2, "canary", PAST)
    document = msgspec.json.encode(intent)
    assert msgspec.json.decode(document, type=Intent) == intent
    older = msgspec.json.decode(document)
    del older["terms"], older["auto"]
    read = msgspec.convert(older, Intent)
    assert (read.terms, read.auto, read.weights) == (None, False, intent.weights)

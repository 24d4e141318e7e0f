"""Whether a canary has something to be judged by, in time: advice, before anything is shipped."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace as changed

from deployer.analysis.dispersion import Base
from deployer.aws.verify import around
from deployer.findings import Finding, Level
from deployer.model import Slot
from deployer.operations.usual import Past
from deployer.settings.kinds import Seconds
from deployer.settings.schema import Settings
from tests.adoption.world import World, settings

QUIET = {"failures": Base(0.001, 1.2, 900), "slow": Base(0.006, 1.2, 900)}


def said(past: Past | None, chosen: Settings, **facts: Any) -> list[Finding]:
    world = World(facts_changes={"past": past, "settings": chosen, **facts})
    return list(around.metrics(world.facts()))


def ours(**analysis: Any) -> Settings:
    """Of an environment that the stacks made."""
    chosen = changed(settings(), existing=None)
    return changed(chosen, analysis=changed(chosen.analysis, **analysis))


@pytest.mark.parametrize("requests_per_min", [30.0, 300.0])
def test_too_few_requests_for_a_verdict_in_time(requests_per_min: float) -> None:
    (found,) = said(Past(900, 0.2, QUIET, requests_per_min), ours())
    assert found.level is Level.WARNING
    assert f"at 50 % of {requests_per_min:,.0f} requests a minute" in found.what
    assert "analysis.max_time is 30m" in found.why
    assert "analysis.inconclusive says (promote)" in found.why


@pytest.mark.parametrize("past", [None, Past(3), Past(900, 0.2, QUIET, 60_000.0)])
def test_enough_or_unknown_is_no_reason_to_say_anything(past: Past | None) -> None:
    assert said(past, ours()) == []


def test_more_time_is_what_it_takes() -> None:
    past = Past(900, 0.2, QUIET, 300.0)
    assert said(past, ours(max_time_s=Seconds(86_400))) == []


def test_who_does_not_ship_canaries_is_not_told() -> None:
    chosen = ours()
    rolling = changed(chosen, environment=changed(chosen.environment, strategy="rolling"))
    assert said(Past(900, 0.2, QUIET, 30.0), rolling) == []


def test_minutes_that_are_read_too_early_for_a_visitor() -> None:
    (found,) = said(None, ours(metrics_delay_s=Seconds(60)))
    assert (found.where, found.level) == ("analysis.metrics_delay", Level.WARNING)
    assert "a minute is read 1m after its end" in found.what
    assert "once a minute" in found.why


def unvisited() -> Iterator[Settings]:
    chosen = ours(metrics_delay_s=Seconds(60))
    yield changed(chosen, runner=changed(chosen.runner, enabled=False))
    yield changed(chosen, existing=settings().existing)


@pytest.mark.parametrize("chosen", [*unvisited()])
def test_who_looks_every_few_seconds_may_look_early(chosen: Settings) -> None:
    assert said(None, chosen) == []


def test_without_requests_the_words_are_those_of_the_settings() -> None:
    nobody = {Slot.BLUE: 0, Slot.GREEN: 0}
    (found,) = said(None, ours(), requests=nobody)
    assert "analysis.inconclusive says (abort)" in found.why
    (found,) = said(None, ours(inconclusive="hold"), requests=nobody)
    assert "analysis.inconclusive says (hold)" in found.why

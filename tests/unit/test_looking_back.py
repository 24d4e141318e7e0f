"""The minutes of a past deployment: kept at its end, read again while they are to be had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.analysis.limits import Limits
from deployer.analysis.replay.trail import trail
from deployer.analysis.terms import Terms
from deployer.errors import CloudUnavailable, NotFound
from deployer.intent import Intent
from deployer.model import Minute, Release, Slot, Snapshot, Weights
from deployer.operations.looking_back import (
    SOURCE_KEEPS_S,
    UNKEPT,
    Archive,
    Keeping,
    Recordings,
    span,
)
from deployer.operations.story import gathered
from deployer.plan import Deployment, Event, Status
from deployer.planning import strategies
from deployer.record.course import Stretch
from tests.sim.kept import Kept
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot

TERMS = Terms(Limits(), slow_s=0.5)
INTENT = Intent(release=Release("v2"), weights=(50,), terms=TERMS, delay_s=120.0)
PLAN = strategies.canary(snapshot(Weights(1000, 0), slot(BLUE, *instances(2))), INTENT)
COURSE = (Stretch(NOW + 70, NOW + 75, 50), Stretch(NOW + 400, NOW + 410, 0))
RECORD = Deployment(
    id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW, entered_at=NOW,
    written=Weights(1000, 0), shares=COURSE,
)  # fmt: skip
ENDED = replace(RECORD, status=Status.ROLLED_BACK, finished_at=NOW + 610, reason="worse")
LATER = NOW + 3_600


@dataclass
class Source:
    """The metrics; None: no answer."""

    requests: int | None = 100
    asked: list[tuple[float, float, float | None]] = field(default_factory=list)

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        self.asked.append((since, until, slow_s))
        if self.requests is None:
            raise CloudUnavailable("CloudWatch does not answer")
        starts = [since + 60 * n for n in range(int((until - since) // 60))]
        return {
            BLUE: [Minute(start, 9 * self.requests, slow=1) for start in starts],
            GREEN: [Minute(start, self.requests, 7, slow=0) for start in starts],
        }


def test_minutes_go_from_the_first_share_to_the_end_with_the_share_of_each() -> None:
    source = Source()
    found = Archive("shop", Kept(), source).recording(ENDED, LATER)
    assert source.asked == [(NOW + 60, NOW + 660, 0.5)]
    assert [(each.start - NOW, each.share) for each in found.minutes] == [
        (60, None), (120, 50), (180, 50), (240, 50), (300, 50), (360, None), (420, 0), (480, 0),
        (540, 0), (600, 0),
    ]  # fmt: skip
    assert found.minutes[1].candidate == Minute(NOW + 120, 100, 7, slow=0)
    assert found.minutes[1].stable.requests == 900
    assert (found.release, found.status, found.reason) == ("v2", "rolled_back", "worse")
    assert (found.terms, found.until) == (TERMS, NOW + 660)


def test_what_is_not_published_yet_is_not_read() -> None:
    assert span(RECORD, NOW + 300) == (NOW + 60, NOW + 180)
    assert span(ENDED, NOW + 611) == (NOW + 60, NOW + 480)
    assert span(ENDED, LATER) == (NOW + 60, NOW + 660)
    with pytest.raises(NotFound, match="no minute of d1 is published yet"):
        span(RECORD, NOW + 239)


@pytest.mark.parametrize(
    "shares", [(), (Stretch(NOW, NOW, 0),), (Stretch(NOW, NOW, 0), Stretch(NOW + 1, NOW + 2, 1000))]
)
def test_a_release_that_never_stood_beside_another_has_no_minutes(
    shares: tuple[Stretch, ...],
) -> None:
    with pytest.raises(NotFound, match="d1 has no minutes to compare"):
        span(replace(ENDED, shares=shares), LATER)


def test_what_is_kept_is_not_asked_for_again() -> None:
    kept, source = Kept(), Source()
    archive = Archive("shop", kept, source)
    kept.keep(archive.read(ENDED, LATER))
    source.asked.clear()
    assert archive.recording(ENDED, LATER) == kept.there["d1"]
    assert archive.recording(ENDED, LATER + 2 * SOURCE_KEEPS_S) == kept.there["d1"]
    assert source.asked == []


def test_a_part_is_what_there_is_once_the_source_has_forgotten_the_rest() -> None:
    kept, source = Kept(), Source()
    archive = Archive("shop", kept, source)
    kept.keep(archive.read(ENDED, NOW + 611))
    assert len(archive.recording(ENDED, NOW + SOURCE_KEEPS_S).minutes) == 10
    source.asked.clear()
    assert len(archive.recording(ENDED, NOW + SOURCE_KEEPS_S + 61).minutes) == 7
    assert source.asked == []


def test_what_nobody_has_is_said_to_be_gone() -> None:
    with pytest.raises(NotFound, match="were not kept, and CloudWatch has such for fifteen days"):
        Archive("shop", Kept(), Source()).recording(ENDED, NOW + SOURCE_KEEPS_S + 61)


def heard(kept: Recordings, source: Source, *told: Deployment) -> list[str]:
    """What is told of each of `told` in turn."""
    kinds: list[str] = []

    def tell(deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        kinds.append(f"{event.kind} {event.note}".strip())

    keeping = Keeping(Archive("shop", kept, source), tell)
    for deployment in told:
        keeping(deployment, Event(NOW + 611, "waiting", ""), None)
    return kinds


def test_minutes_are_kept_once_it_has_ended() -> None:
    kept, source = Kept(), Source()
    assert heard(kept, source, RECORD, RECORD) == ["waiting", "waiting"]
    assert (kept.there, source.asked) == ({}, [])
    assert heard(kept, source, RECORD, ENDED, ENDED) == ["waiting"] * 3
    assert len(source.asked) == 1
    assert len(kept.there["d1"].minutes) == 7  # as many as are published by then


def test_what_could_not_be_kept_is_told_and_hinders_nothing() -> None:
    kept = Kept()
    assert heard(kept, Source(None), ENDED, ENDED) == [
        "waiting", "unkept its minutes are not kept: CloudWatch does not answer", "waiting",
    ]  # fmt: skip
    assert kept.there == {}


def test_where_there_is_nothing_to_compare_or_nowhere_to_keep_it_nothing_is_asked() -> None:
    source = Source()
    assert heard(Kept(), source, replace(ENDED, shares=())) == ["waiting"]
    assert heard(UNKEPT, source, ENDED) == ["waiting"]
    assert source.asked == []
    assert UNKEPT.find("prod", "d1") is None
    assert GREEN is PLAN.candidate


# -- for a report: whatever the strategy, and from before the beginning


def test_a_report_has_the_minutes_before_and_up_to_the_end_in_one_call() -> None:
    source = Source()
    found = Archive("shop", UNKEPT, source).around(ENDED, 600.0, LATER)
    since = (NOW - 600) // 60 * 60
    until = -(-(NOW + 610) // 60) * 60
    assert source.asked == [(since, until, 0.5)]
    assert [each.start for each in found] == [
        since + 60 * n for n in range(int((until - since) // 60))
    ]
    assert {each.share for each in found if each.start < NOW - 60} == {None}
    assert found[0].candidate.requests == 100


def test_what_was_never_compared_has_minutes_too() -> None:
    alone = replace(ENDED, shares=())
    assert len(Archive("shop", UNKEPT, Source()).around(alone, 0.0, LATER)) == 11


def test_after_fifteen_days_a_report_has_what_was_kept() -> None:
    kept, source = Kept(), Source()
    archive = Archive("shop", kept, source)
    kept.keep(archive.read(ENDED, LATER))
    asked = len(source.asked)
    found = archive.around(ENDED, 600.0, LATER + SOURCE_KEEPS_S)
    assert found[0].start == (NOW + 70) // 60 * 60
    assert len(source.asked) == asked


def test_a_report_of_what_has_just_begun_has_no_minutes_yet() -> None:
    with pytest.raises(NotFound, match="no minute of d1 is published yet"):
        Archive("shop", UNKEPT, Source()).around(RECORD, 0.0, NOW + 60)


def test_a_story_says_what_is_not_in_it() -> None:
    told = gathered(Archive("shop", UNKEPT, Source(None)), ENDED, LATER, "owes")
    assert (told.minutes, told.looks, told.owes) == ((), (), "owes")
    assert told.unknown == "CloudWatch does not answer"
    assert (told.since, told.until) == (ENDED.started_at, ENDED.finished_at)


def test_a_story_has_the_evidence_from_the_first_share_on() -> None:
    archive = Archive("shop", UNKEPT, Source())
    told = gathered(archive, ENDED, LATER)
    assert told.since == told.minutes[0].start < ENDED.started_at
    assert told.looks == trail(archive.read(ENDED, LATER).minutes, TERMS)
    assert told.looks

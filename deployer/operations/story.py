"""What a report tells of one deployment, gathered: its record, and the minutes around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.analysis.replay.recording import Recorded
from deployer.analysis.replay.trail import Look, trail
from deployer.errors import DeployError
from deployer.operations.looking_back import Archive, stood_beside
from deployer.plan import Deployment
from deployer.record.course import MINUTE_S, begun_at

BEFORE_S = 600.0  # what was usual is shown for so long before the beginning


@dataclass(frozen=True, slots=True)
class Story:
    """One deployment, as far as it is known `now` (epoch seconds).

    minutes: what both slots served, from `BEFORE_S` before the beginning; empty: `unknown` says why.
    looks:   what was known of the release minute by minute, if it was held to evidence.
    owes:    what it still owes, in a line; empty: nothing, or nobody has looked.
    """

    service: str
    record: Deployment
    now: float
    minutes: Sequence[Recorded] = ()
    unknown: str = ""
    looks: Sequence[Look] = ()
    owes: str = ""

    @property
    def since(self) -> float:
        """Where its charts begin."""
        first = self.minutes[0].start if self.minutes else self.record.started_at
        return min(first, self.record.started_at)

    @property
    def until(self) -> float:
        """Where they end."""
        return max(self.ended_at, self.since + 1)

    @property
    def ended_at(self) -> float:
        """Its end, or now."""
        ended = self.record.finished_at
        return self.now if ended is None else ended


def gathered(archive: Archive, record: Deployment, now: float, owes: str = "") -> Story:
    """The story, with as much as there is: what cannot be had is said in it. One call."""
    try:
        minutes = archive.around(record, BEFORE_S, now)
    except DeployError as error:
        return Story(archive.service, record, now, unknown=str(error), owes=owes)
    looks = _looks(record, minutes)
    return Story(archive.service, record, now, minutes, looks=looks, owes=owes)


def _looks(record: Deployment, minutes: Sequence[Recorded]) -> tuple[Look, ...]:
    """Its minutes beside the other release; none where it was not held to evidence."""
    terms, first = record.first_plan.intent.terms, begun_at(record.shares)
    if terms is None or first is None or not stood_beside(record):
        return ()
    return trail([each for each in minutes if each.start >= first // MINUTE_S * MINUTE_S], terms)

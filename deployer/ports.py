"""What the core asks of the outside: protocols, and the world that a step sees.

Reads are calls; what is to be changed is data (deployer.changes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from deployer.analysis.folds import Folds
from deployer.analysis.terms import Terms
from deployer.changes import Change
from deployer.errors import CloudUnavailable
from deployer.hooks import NO_HOOKS, NOTHING, About, Hooks
from deployer.model import Minute, Slot, Snapshot, Weights
from deployer.record.course import Stretch
from deployer.record.held import Surge


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Smoke requests sent to one slot through the test listener.

    failures: cause -> count; empty when every answer was good.
    """

    sent: int
    failures: Mapping[str, int]

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


class Cloud(Protocol):
    """One environment's listener rule, groups and launch templates."""

    def observe(self) -> Snapshot:
        """One reading.

        Raises:
            CloudUnavailable: throttled, timed out or failing.
            AccessProblem: a permission is missing.
        """
        ...

    def apply(self, change: Change) -> None:
        """Carry out one change; repeating it makes no further difference.

        Raises:
            WeightsMoved: the live weights, the rule's stickiness, or the user group's rule, are not
                those the change expects; nothing was changed.
            ChangeRefused: AWS refused, and repeating would not help.
            CloudUnavailable: no answer; the change may or may not have taken effect.
            AccessProblem: a permission is missing.
            NoCredentials: there are none any more; nothing was changed.
        """
        ...


class Metrics(Protocol):
    """What each slot served."""

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        """Every whole minute that began at or after `since` and ended by `until` (epoch seconds).

        A minute without data is there with `requests=None`. What took longer than `slow_s` seconds is
        counted as slow; None: nothing is.

        Raises:
            CloudUnavailable: the source did not answer completely.
        """
        ...


class History(Protocol):
    """What a slot served before, by availability zone; and what belongs to neither slot."""

    def zones(
        self, slot: Slot, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[str, Sequence[Minute]]:
        """As `Metrics.traffic`, of one slot, by the name of each zone that published anything; with its answers.

        Raises:
            CloudUnavailable: the source did not answer completely.
        """
        ...

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:
        """So many of the slot's requests, 0..1, were usually answered within this, seconds; None: no data.

        What was slow for a while, and less than half of the time, is not what is usual.

        Raises:
            CloudUnavailable: no answer.
        """
        ...

    def balancer_5xx(self, since: float, until: float) -> int:
        """5xx that the load balancer made itself: they belong to no slot (aws-facts 2).

        Raises:
            CloudUnavailable: no answer.
        """
        ...


class Unrecorded:
    """Nobody has kept anything: no slot has a history."""

    def zones(
        self,
        slot: Slot,  # noqa: ARG002
        since: float,  # noqa: ARG002
        until: float,  # noqa: ARG002
        slow_s: float | None = None,  # noqa: ARG002
    ) -> Mapping[str, Sequence[Minute]]:
        return {}

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:  # noqa: ARG002
        return None

    def balancer_5xx(self, since: float, until: float) -> int:  # noqa: ARG002
        return 0


UNRECORDED: Final = Unrecorded()


class Prober(Protocol):
    """Smoke requests through the test listener."""

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        """Send `requests` requests to `slot`; an answer by another release is a failure."""
        ...


class Visitors(Protocol):
    """Requests of the tool's own to both slots, while users are too few to tell of a release."""

    def visit(self, weights: Weights, per_minute: int) -> None:
        """Send what is due since the last call: so many a minute, to each slot its share.

        Nobody is waited for, and nothing is reported: the load balancer counts what becomes of them.
        """
        ...

    def wait(self) -> None:
        """Until those who are under way are back, or their time is up.

        A process that ends, or that is frozen, takes them along.
        """
        ...


class NoVisitors:
    """Nobody comes but users."""

    def visit(self, weights: Weights, per_minute: int) -> None:
        """Nobody."""

    def wait(self) -> None:
        """For nobody."""


NO_VISITORS: Final = NoVisitors()


class Alarms(Protocol):
    """Alarms that the service's owners keep: while one rings, no release goes on."""

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        """Those of `names` that forbid going on, with the reason in words; empty: all is well.

        An alarm that does not exist is among them: a guard that is not there guards nothing.

        Raises:
            CloudUnavailable: no answer; that is never good news.
            AccessProblem: a permission is missing.
        """
        ...


class Unheard:
    """Nobody listens to alarms: where some are named, there is no answer, not silence."""

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        if names:
            raise CloudUnavailable(f"nobody listens to the alarms {', '.join(names)}")
        return {}


UNHEARD: Final = Unheard()


class Clock(Protocol):
    """Epoch seconds, and sleep."""

    def now(self) -> float: ...
    def sleep(self, duration_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """What a step sees when it is asked to advance.

    entered_at: when the step was entered, epoch seconds, not counting the time it was paused.
    held_s:     that time.
    folds:      what was made of the minutes at the look before, to save time.
    attended_at: since when somebody has been there to act on the step, epoch seconds.
    calm_since: traffic was last found moved by others then, at the latest, epoch seconds; None: not
                since the deployment before.
    surge:      what a group was asked for beyond its size, as far as the record tells.
    shares:     what the candidate has had of the traffic, and since when, oldest first.
    terms:      what it is held to beside the stable slot; None: to its steps' own rule alone.
    visitors:   the tool's own, who come beside users while the candidate is compared.
    """

    seen: Snapshot
    now: float
    entered_at: float
    metrics: Metrics
    prober: Prober
    alarms: Alarms = UNHEARD
    hooks: Hooks = NO_HOOKS
    about: About = NOTHING
    surge: Surge | None = None
    held_s: float = 0.0
    calm_since: float | None = None
    shares: tuple[Stretch, ...] = ()
    terms: Terms | None = None
    attended_at: float = 0.0
    visitors: Visitors = NO_VISITORS
    folds: Folds = field(default_factory=Folds)

    @property
    def elapsed_s(self) -> float:
        return self.now - self.entered_at

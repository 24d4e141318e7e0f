"""A deployment's minutes for whoever looks back: kept when it ended, else read again where they came from.

They are written once, by whoever writes down how the deployment ended: nobody judges by them, so a crash
in between loses nothing that the source of the metrics still has. CloudWatch has minutes for fifteen
days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from deployer.analysis.replay.recording import Recorded, Recording
from deployer.engine.loop import Tell
from deployer.errors import DeployError, NotFound
from deployer.model import WHOLE, Minute, Slot, Snapshot
from deployer.plan import Deployment, Event
from deployer.ports import Metrics
from deployer.record.course import MINUTE_S, begun_at, share_in

SOURCE_KEEPS_S: Final = 15 * 86_400.0  # CloudWatch: values of one minute (aws-facts 2)


class Recordings(Protocol):
    """Where minutes are kept; every method raises CloudUnavailable and AccessProblem."""

    def keep(self, recording: Recording) -> None:
        """Keep it as long as the deployment's record; one that reaches further stays."""
        ...

    def find(self, environment: str, deployment_id: str) -> Recording | None:
        """What was kept; None: nothing was."""
        ...


class Unkept:
    """Nothing is kept."""

    def keep(self, recording: Recording) -> None:
        """It is not."""

    def find(self, environment: str, deployment_id: str) -> Recording | None:  # noqa: ARG002
        return None


UNKEPT: Final = Unkept()


@dataclass(frozen=True, slots=True)
class Archive:
    """Where one service's minutes are to be had."""

    service: str
    kept: Recordings
    source: Metrics

    def recording(self, deployment: Deployment, now: float) -> Recording:
        """What is kept; where that is nothing, or not all, and the source still has it, what the source has.

        Raises:
            NotFound: the candidate never had any traffic by weight, or nobody has its minutes any more.
            CloudUnavailable, AccessProblem: no answer, by any that would have one.
        """
        since, until = span(deployment, now)
        found = self.kept.find(deployment.environment, deployment.id)
        if found is not None and (found.until or 0.0) >= until:
            return found
        if now - since > SOURCE_KEEPS_S:
            if found is None:
                raise NotFound(
                    f"the minutes of {deployment.id} were not kept, and CloudWatch has such for fifteen "
                    "days only"
                )
            return found
        return self.read(deployment, now)

    def read(self, deployment: Deployment, now: float) -> Recording:
        """As the source has it now.

        Raises:
            NotFound, CloudUnavailable, AccessProblem: as `recording`.
        """
        since, until = span(deployment, now)
        plan, terms = deployment.first_plan, deployment.first_plan.intent.terms
        seen = self.source.traffic(since, until, terms.slow_s if terms else None)
        return Recording(
            recorded(deployment, seen),
            self.service,
            deployment.environment,
            deployment.id,
            plan.strategy,
            plan.release.name,
            plan.previous,
            deployment.started_at,
            deployment.finished_at,
            deployment.status.value,
            deployment.reason,
            terms,
            until,
        )

    def around(self, deployment: Deployment, before_s: float, now: float) -> tuple[Recorded, ...]:
        """What both slots served from `before_s` before its beginning to its end, whatever its strategy.

        Where the source has it no more: what is kept, which is from the candidate's first share on.

        Raises:
            NotFound: nobody has its minutes, or none is published yet.
            CloudUnavailable, AccessProblem: as `recording`.
        """
        since = (deployment.started_at - before_s) // MINUTE_S * MINUTE_S
        if now - since > SOURCE_KEEPS_S:
            return tuple(self.recording(deployment, now).minutes)
        until = _published(deployment, now)
        if until <= since:
            raise NotFound(f"no minute of {deployment.id} is published yet: CloudWatch is late")
        terms = deployment.first_plan.intent.terms
        return recorded(
            deployment, self.source.traffic(since, until, terms.slow_s if terms else None)
        )


def recorded(deployment: Deployment, seen: Mapping[Slot, Sequence[Minute]]) -> tuple[Recorded, ...]:
    """The slots' minutes side by side, with the candidate's share in each."""
    candidate = deployment.first_plan.candidate
    return tuple(
        Recorded(own.start, share_in(deployment.shares, own.start), own, other)
        for own, other in zip(seen[candidate], seen[candidate.twin], strict=True)
    )


def _published(deployment: Deployment, now: float) -> float:
    """Up to when its minutes are published: until its end, or as late as the source is."""
    until = (now - deployment.first_plan.intent.delay_s) // MINUTE_S * MINUTE_S
    if deployment.finished_at is None:
        return until
    return min(until, -(-deployment.finished_at // MINUTE_S) * MINUTE_S)


def span(deployment: Deployment, now: float) -> tuple[float, float]:
    """From the minute of the candidate's first share to the end, as far as it can be published; epoch seconds.

    Raises:
        NotFound: it never had a share, or none of its minutes can be published yet.
    """
    first = begun_at(deployment.shares)
    if first is None or not stood_beside(deployment):
        raise NotFound(
            f"{deployment.id} has no minutes to compare: its release never stood beside another one with "
            "a share of the traffic"
        )
    since = first // MINUTE_S * MINUTE_S
    until = _published(deployment, now)
    if until <= since:
        raise NotFound(f"no minute of {deployment.id} is published yet: CloudWatch is late")
    return since, until


def stood_beside(deployment: Deployment) -> bool:
    """Its release had a share of the traffic, and another one the rest."""
    return any(0 < one.share < WHOLE for one in deployment.shares)


@dataclass
class Keeping:
    """The engine's `Tell`: tells on; once a deployment has ended, keeps its minutes.

    What could not be kept is told as `unkept`, once: no deployment fails because of it.
    """

    archive: Archive
    tell: Tell
    _ended: set[str] = field(default_factory=set)

    def __call__(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        self.tell(deployment, event, seen)
        ended = deployment.status.final and deployment.id not in self._ended
        if not ended or self.archive.kept is UNKEPT:
            return
        self._ended.add(deployment.id)
        try:
            self.archive.kept.keep(self.archive.read(deployment, event.at))
        except NotFound:
            return  # there is nothing to compare
        except DeployError as error:
            words = f"its minutes are not kept: {error}"
            self.tell(deployment, Event(event.at, "unkept", words), seen)

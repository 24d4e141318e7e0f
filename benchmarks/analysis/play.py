"""One policy on one stream, minute by minute, with metrics as late as CloudWatch's."""

from dataclasses import dataclass

from benchmarks.analysis.scenarios import HORIZON_MIN, Scenario
from benchmarks.analysis.stream import Stream
from deployer.analysis.peers.policy import Act, Policy, Seen

DELAY_MIN = 1  # minute m is published at m + 1 + DELAY_MIN


@dataclass(frozen=True)
class Outcome:
    """How it ended: minutes, None where it never happened; expected bad requests to the horizon.

    promoted: the minute since which nearly everybody has the release.
    """

    aborted: int | None
    promoted: int | None
    harm: float


PROMOTED = 950


def play(policy: Policy, stream: Stream) -> Outcome:
    """From minute 0 to the horizon. Harm is what is expected of each weight, not what was drawn."""
    seen: list[Seen] = []
    harm, act = 0.0, Act(0)
    aborted = promoted = None
    for now in range(HORIZON_MIN):
        if not act.ended:
            act = policy.act(now, seen[: max(0, now - DELAY_MIN)])
            aborted = now if act.aborted else aborted
        if act.share >= PROMOTED and promoted is None:
            promoted = now
        harm += harm_of(stream.scenario, now, act.share)
        if not act.ended:
            seen.append(stream.minute(now, act.share))
    return Outcome(aborted, promoted, harm)


def harm_of(scenario: Scenario, minute: int, share: int) -> float:
    """Expected bad requests beyond stable's in one minute."""
    if not share:
        return 0.0
    added = sum(scenario.candidate(minute, share)) - sum(scenario.stable(minute))
    return scenario.requests(minute) * share / 1000 * added

"""One policy through a recording: what it would have done, when, and at what price.

Policies are asked once a minute, and see a minute `delay_min` after it has ended, as they would have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from deployer.analysis.peers.policy import KINDS, Act, Policy, Seen
from deployer.analysis.replay.imagined import Dice, Imagined, Known, as_served, rate
from deployer.model import WHOLE

LONGEST = 1_440  # minutes after which whoever has not decided is not waited for
LEAST_HORIZON = 60  # minutes for which every policy is followed, at least


@dataclass(frozen=True, slots=True)
class Course:
    """What one policy did in one draw, in minutes from the first recorded one.

    shares:   per mille that the candidate had in each minute, up to the decision.
    decided:  the minute in which it went back or gave the candidate everything; None: it did not.
    promoted: which of the two.
    bad:      by minute: bad requests beyond those that stable would have had of the same users.
    """

    shares: tuple[int, ...]
    decided: int | None
    promoted: bool
    bad: tuple[float, ...]

    def cost(self, whole: Sequence[float]) -> float:
        """Bad requests beyond stable's in as many minutes as `whole` has: what was decided lasts.

        whole: what each minute would have cost with all of the traffic.
        """
        later = sum(whole[len(self.bad) :]) if self.promoted else 0.0
        return sum(self.bad[: len(whole)]) + later


@dataclass(frozen=True, slots=True)
class Played:
    """What one policy did in several draws.

    back, promoted, undecided: in how many of them it did so.
    minute: when it decided: the middle of the draws in which it did, and the first and the last.
    most:   the largest share before the decision, per mille, in any draw.
    bad:    bad requests beyond stable's, to the end of what is followed: the mean.
    """

    back: int
    promoted: int
    undecided: int
    minute: tuple[int, int, int] | None
    most: int
    bad: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was, and what would have been.

    minutes:  for which everything is followed.
    recorded: of these, minutes of which there is a recording; `served`: with traffic on the candidate.
    bad:      bad requests beyond stable's as it was; after the end of the recording, as it ended.
    whole:    the same, had the candidate had all of the traffic from the first minute to the last.
    """

    minutes: int
    recorded: int
    served: int
    bad: float
    whole: float
    played: tuple[tuple[str, Played], ...]


def compare(
    known: Known,
    makers: Sequence[tuple[str, Callable[[], Policy]]],
    delay_min: int,
    draws: Sequence[Callable[[], Dice]],
    *,
    shipped: bool,
) -> Comparison:
    """Every policy in every draw.

    Args:
        known:     what was recorded.
        makers:    by name, what makes a new policy.
        delay_min: minutes until a closed one is published.
        draws:     what makes each draw's dice.
        shipped:   how the recorded deployment ended: the release went on serving everybody.
    """
    places = [NormalDist().inv_cdf((n + 0.5) / len(draws)) for n in range(len(draws))]
    courses = {
        name: [
            play(make(), Imagined(known, dice(), z), delay_min)
            for dice, z in zip(draws, places, strict=True)
        ]
        for name, make in makers
    }
    longest = max(
        (len(course.bad) for several in courses.values() for course in several), default=0
    )
    minutes = max(len(known.minutes), longest)
    whole = [added(known, at, WHOLE) for at in range(minutes)]
    return Comparison(
        minutes=minutes,
        recorded=len(known.minutes),
        served=sum(map(known.served, range(minutes))),
        bad=sum(as_it_was(known)) + (sum(whole[len(known.minutes) :]) if shipped else 0.0),
        whole=sum(whole),
        played=tuple((name, _played(several, whole)) for name, several in courses.items()),
    )


def play(policy: Policy, imagined: Imagined, delay_min: int) -> Course:
    """From minute 0 until it has decided, or to the end of what is followed."""
    known = imagined.known
    seen: list[Seen] = []
    bad: list[float] = []
    act = Act(0)
    for now in range(max(LEAST_HORIZON, min(len(known.minutes), LONGEST)) + 1):
        act = policy.act(now, seen[: max(0, now - delay_min)])
        if act.ended:
            break
        seen.append(imagined.minute(now, act.share))
        bad.append(beyond(known, now, seen[-1]))
    promoted = act.ended and not act.aborted
    shares = tuple(minute.share for minute in seen)
    return Course(shares, len(seen) if act.ended else None, promoted, tuple(bad))


def _played(several: Sequence[Course], whole: Sequence[float]) -> Played:
    decided = sorted(course.decided for course in several if course.decided is not None)
    promoted = sum(course.promoted for course in several)
    return Played(
        back=len(decided) - promoted,
        promoted=promoted,
        undecided=len(several) - len(decided),
        minute=(decided[len(decided) // 2], decided[0], decided[-1]) if decided else None,
        most=max((max(course.shares, default=0) for course in several), default=0),
        bad=fmean(course.cost(whole) for course in several),
    )


def as_it_was(known: Known) -> tuple[float, ...]:
    """Bad requests beyond stable's that the recorded deployment cost, by minute."""
    return tuple(
        beyond(known, at, Seen(0, as_served(minute.candidate), as_served(minute.stable)))
        for at, minute in enumerate(known.minutes)
    )


def beyond(known: Known, minute: int, seen: Seen) -> float:
    """Bad requests of the candidate's that stable would not have had; below zero: it was better."""
    usual = known.rates(minute).stable
    own = seen.candidate
    return sum(own.bad(kind) - rate(usual[kind]) * own.requests for kind in KINDS)


def added(known: Known, minute: int, share: int) -> float:
    """The same as it is to be expected at `share`, per mille."""
    rates = known.rates(minute)
    more = sum(rate(rates.candidate[kind]) - rate(rates.stable[kind]) for kind in KINDS)
    return rates.requests * share / WHOLE * more

"""How much traffic next: no more than the harm budget allows if the release is as bad as it may be.

    w_next = the largest rung with  w N (delay + 2) U <= max(H, N (delay + 2) p / 4)

N requests per minute, H the budget of bad requests, p the usual rate, U what the release may add at
worst by the data at its present share. `delay + 2` minutes pass between a request and the way back.
So exposure is inversely proportional to what is not yet excluded: a service with 5,000 requests a second
begins with 0.1 %, one with one a second with 10 %.
"""

import math
from dataclasses import dataclass
from typing import Literal

from deployer.analysis.judge import Outcome
from deployer.analysis.limits import Limits
from deployer.analysis.trial import Trial
from deployer.analysis.verdict import Judgement

LADDER = (1, 5, 10, 20, 50, 100, 250, 500)  # per mille: an ALB's weights are whole per mille
HOLD_BACK = 950  # what a release has that was called good: the rest is compared with it to the end
FACTOR = 10  # at most so much more at once
# At one request a second 250 costs twice as many requests of a dead release, and finds others no sooner.
START_MOST = 100
LEAST_UNKNOWN = 2e-4  # nobody is ever surer than this about what a release adds
REACTION_MIN = 2  # a minute fills, and the weights move back
CHANCE, DOUBT_MOST = 1.0, 2 * math.log(3)  # nats
ENOUGH = 500  # per mille from which on a release has been seen by enough users to be called good


@dataclass(frozen=True, slots=True)
class Move:
    """What to do with the candidate's share.

    kind:  `stay` · `raise` to `share` · `promote` to `share` · `back` · `hold` for a person.
    share: per mille afterwards.
    why:   in words.
    """

    kind: Literal["stay", "raise", "promote", "back", "hold"]
    share: int
    why: str


def first_share(requests_per_min: float, limits: Limits) -> int:
    """Where a ramp begins: nothing is known, so every request may be bad. Per mille."""
    affordable = limits.harm_budget / (max(requests_per_min, 1e-9) * _window(limits))
    fitting = [rung for rung in LADDER if rung <= START_MOST and rung / 1000 <= affordable]
    return max(fitting, default=LADDER[0])


def next_share(trial: Trial, share: int, requests_per_min: float) -> int:
    """The largest share that the budget allows now, per mille; never less than `share`."""
    limits = trial.limits
    usual = sum(one.usual for one in trial.metrics)
    unknown = max(sum(one.worst_rate for one in trial.metrics) - usual, LEAST_UNKNOWN)
    exposed = requests_per_min * _window(limits)
    budget = max(limits.harm_budget, 0.25 * exposed * usual) / _doubt(trial)
    fitting = [
        rung
        for rung in LADDER
        if rung <= FACTOR * share and rung / 1000 * exposed * unknown <= budget
    ]
    return max((share, *fitting))


def _doubt(trial: Trial) -> float:
    """What divides the budget, 1 to 9: what the release has won of late, beyond what chance wins.

    A good release wins next to nothing, so this costs it little time; a bad one does less harm on the
    way to its end.
    """
    return math.exp(min(max(trial.rising - CHANCE, 0.0), DOUBT_MOST))


def move(trial: Trial, judged: Judgement, share: int, elapsed_min: float) -> Move:
    """The adaptive ramp's next move, `elapsed_min` after it could make its first one.

    What was called good before half of the users have it still climbs when time is up, whatever the
    policy, as far as the budget goes: it is not inconclusive.
    """
    if judged.outcome is Outcome.FAIL:
        return Move("back", 0, judged.reason)
    if judged.outcome is Outcome.PASS and share >= ENOUGH:
        return Move("promote", max(HOLD_BACK, share), judged.reason)
    over, good = elapsed_min >= trial.limits.max_minutes, judged.outcome is Outcome.PASS
    if judged.clean and (not over or good or trial.limits.inconclusive == "promote"):
        higher = next_share(trial, share, _rate(trial))
        if higher > share:
            return Move("raise", higher, f"{judged.reason}; the budget allows {higher / 10:g} %")
    if over and good:
        return Move("promote", max(HOLD_BACK, share), judged.reason)
    if over:
        return _undecided(trial.limits, judged, share)
    return Move("stay", share, judged.reason)


def _undecided(limits: Limits, judged: Judgement, share: int) -> Move:
    """Time is up. The policy never sends on what is suspicious or cannot be seen."""
    why = f"inconclusive after {limits.max_minutes} min: {judged.reason}"
    if limits.inconclusive == "abort":
        return Move("back", 0, why)
    if limits.inconclusive == "promote" and judged.advance:
        return Move("promote", max(HOLD_BACK, share), why)
    return Move("hold", share, why)


def _rate(trial: Trial) -> float:
    """Requests per minute of both slots, in the newest counted minute."""
    latest = [one.latest for one in trial.metrics if one.latest is not None]
    return max((m.candidate.requests + m.stable.requests for m in latest), default=0.0)


def _window(limits: Limits) -> float:
    """Minutes that a fault goes on before the weights are back."""
    return limits.delay_min + REACTION_MIN

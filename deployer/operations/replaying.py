"""A recording through any policies, with everything that has to be assumed said in words. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from deployer.analysis.limits import FAILURES, SLOW, Limits
from deployer.analysis.peers.policy import Policy
from deployer.analysis.replay.imagined import ENOUGH, PLENTY, Dice, Known
from deployer.analysis.replay.play import Comparison, compare
from deployer.analysis.replay.policies import recipe
from deployer.analysis.replay.recording import Recording
from deployer.analysis.terms import Terms
from deployer.errors import UsageError
from deployer.plan import Status

JUDGED = (FAILURES.name, SLOW.name)


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything that a replay came to.

    rules:   by policy, its rule in one line.
    draws:   how often each policy was played.
    assumed: what was assumed beyond what was recorded, a sentence each.
    """

    recording: Recording
    found: Comparison
    rules: dict[str, str]
    draws: int
    assumed: tuple[str, ...]


def replayed(
    recording: Recording, policies: Sequence[str], draws: Sequence[Callable[[], Dice]]
) -> Replay:
    """The recording through `policies`, once for each of `draws`.

    Raises:
        UsageError: there is no such policy or setting, or nothing to replay.
    """
    known = Known(recording.minutes)
    if not any(map(known.served, range(len(recording.minutes)))):
        raise UsageError("the recording has no minute in which the candidate served anybody")
    terms = terms_of(recording, known)
    makers: list[tuple[str, Callable[[], Policy]]] = []
    rules: dict[str, str] = {}
    for name in dict.fromkeys(policies):
        try:
            found, settings = recipe(name)
        except ValueError as error:
            raise UsageError(str(error)) from error
        makers.append((name, partial(found.make, terms, settings)))
        rules[name] = found.says if not settings else f"as set; else {found.says}"
    shipped = recording.status == Status.SHIPPED
    comparison = compare(known, makers, terms.limits.delay_min, draws, shipped=shipped)
    assumed = tuple(assumptions(recording, comparison, len(draws)))
    return Replay(recording, comparison, rules, len(draws), assumed)


def terms_of(recording: Recording, known: Known) -> Terms:
    """What ours is held to: as recorded, over what was recorded of every slot; else the defaults."""
    terms = recording.terms or Terms(Limits())
    names = JUDGED if recording.slow_known else JUDGED[:1]
    metrics = tuple(one for one in terms.limits.metrics if one.name in names)
    return replace(
        terms,
        limits=replace(terms.limits, metrics=metrics),
        requests_per_min=terms.requests_per_min or known.rates(0).requests,
    )


def assumptions(recording: Recording, found: Comparison, draws: int) -> Iterator[str]:
    """What nobody has seen, and is taken for so."""
    if found.served < found.minutes:
        yield (
            f"{found.minutes - found.served} of the {found.minutes} minutes are not recorded with traffic on "
            "the release: there it goes on as in the nearest that are; likewise the old one"
        )
    yield (
        "at another share either release fails as often as at the recorded one: what fails only under load "
        "is not seen, and what did is"
    )
    yield (
        f"a minute in which a slot has less than {ENOUGH} bad requests of less than {PLENTY:,} is pooled with "
        "the nearest others, until there are as many"
    )
    yield (
        f"each policy was played {draws} times, with rates from as good as they may be by what was counted to "
        "as bad, and chance: bad requests are the mean"
    )
    if not recording.slow_known:
        yield "slow requests were not counted: only failures are judged, and only they are bad"
    if recording.terms is None:
        yield "what the deployment was held to is not recorded: ours is held to its defaults"
    elif own := [m.name for m in recording.terms.limits.metrics if m.name not in JUDGED]:
        yield f"{', '.join(own)} counted in fact, and count for none of these policies"
    yield "others' rules are restated from their sources, with their defaults; no program of theirs ran"

"""The charts of a report: what the record and the minutes say, as figures. Pure."""

from collections.abc import Callable, Iterator, Sequence

from deployer.analysis.replay.recording import Recorded
from deployer.model import WHOLE, Minute, Slot
from deployer.operations.story import Story
from deployer.record.course import MINUTE_S
from deployer.render.evidence import figure as brief
from deployer.render.figures import OTHERS, Curve, Figure, Mark, Role, known
from deployer.render.plan import unlimited
from deployer.render.progress import PASSING
from deployer.render.words import count, one_line

MOST = 400  # points of a chart: of a longer deployment several minutes are one
MARKS = 80  # lines of a chart
LEAST = 0.01  # evidence at the foot of a chart: a hundred to one for the release
BEYOND = 1e4  # times the threshold at its top: a billion would press all before it flat
QUIET = (
    *PASSING,
    "step_done",
    "waiting",
    "unkept",
    "unpublished",
)  # events that no line is drawn for

Told = Callable[[Sequence[Minute]], float | None]


def figures(story: Story) -> tuple[Figure, ...]:
    """All that there is something to say of."""
    made = (_shares(story), *_served(story), *_evidence(story), _healthy(story), _calls(story))
    return tuple(each for each in made if each is not None)


def marks(story: Story) -> tuple[Mark, ...]:
    """What happened, for lines in every chart; of very many the newest."""
    told = [each for each in story.record.log if each.kind not in QUIET]
    return tuple(Mark(at=each.at, words=unlimited(each.note)) for each in told[-MARKS:])


def _figure(
    story: Story,
    words: tuple[str, str, str, str],
    times: Sequence[float],
    curves: Sequence[Curve],
    *,
    log: bool = False,
    whole: bool = False,
    top: float | None = None,
) -> Figure:
    """`words`: name, title, unit and what there is to see."""
    name, title, unit, summary = words
    return Figure(
        name=name, title=title, unit=unit, summary=summary, times=tuple(times),
        curves=tuple(curves), since=story.since, until=story.until, marks=marks(story), log=log,
        whole=whole, top=top,
    )  # fmt: skip


def role(story: Story, slot: Slot) -> Role:
    """Whose colours a slot has."""
    return "candidate" if slot is story.record.first_plan.candidate else "stable"


def called(story: Story, slot: Slot) -> str:
    """`v2 (candidate, green)`: a slot by what it runs and what it is for."""
    plan = story.record.first_plan
    if plan.in_place:
        return str(slot)
    release = plan.release.name if slot is plan.candidate else plan.previous or "what was before"
    part = "candidate" if slot is plan.candidate else "stable"
    return one_line(f"{release} ({part}, {slot})")


def slots(story: Story) -> tuple[Slot, ...]:
    """The candidate, and the slot beside it if it takes part."""
    plan = story.record.first_plan
    alone = plan.stable is None or plan.in_place
    return (plan.candidate,) if alone else (plan.candidate, plan.candidate.twin)


# -- weights


def _shares(story: Story) -> Figure | None:
    """What the listener's rule gave to whom: each change when it was read back."""
    record = story.record
    if record.first_plan.in_place or not record.shares:
        return None
    shares = [(each.seen_at, each.share) for each in record.shares]
    times = [min(record.started_at, shares[0][0]), *(at for at, _ in shares), story.until]
    values = [0, *(share for _, share in shares), shares[-1][1]]
    return _figure(
        story,
        ("weights", "Weights", "%", _share_words(story, [share for _, share in shares])),
        times,
        [
            Curve(
                name=called(story, slot), role=role(story, slot), stepped=True,
                values=tuple((one if candidate else WHOLE - one) / 10 for one in values),
            )
            for slot in slots(story)
            for candidate in (slot is record.first_plan.candidate,)
        ],
        top=100.0,
    )  # fmt: skip


def _share_words(story: Story, shares: Sequence[int]) -> str:
    release = one_line(story.record.first_plan.release.name)
    most, last = max(shares) / 10, shares[-1] / 10
    words = f"{release} was given up to {most:g} % of the traffic"
    return f"{words}." if most == last else f"{words}, and has {last:g} % in the end."


# -- what was served


def _served(story: Story) -> Iterator[Figure | None]:
    """Requests, failures and latency, by slot."""
    if not story.minutes:
        return
    size = -(-len(story.minutes) // MOST)
    groups = [story.minutes[at : at + size] for at in range(0, len(story.minutes), size)]
    yield _by_slot(story, groups, ("requests", "Requests", "requests/min"), _rate)
    yield _by_slot(story, groups, ("failures", "Failed requests", "%"), _failed)
    yield _by_slot(story, groups, ("latency", "Latency, 99th percentile", "ms"), _latency)


def _by_slot(
    story: Story, groups: Sequence[Sequence[Recorded]], words: tuple[str, str, str], told: Told
) -> Figure | None:
    """One curve for each slot; None if nothing at all is known."""
    candidate = story.record.first_plan.candidate
    curves = [
        Curve(
            name=called(story, slot),
            role=role(story, slot),
            values=tuple(
                known(told(_of(group, story, candidate=slot is candidate))) for group in groups
            ),
        )
        for slot in slots(story)
    ]
    if all(value is None for curve in curves for value in curve.values):
        return None
    wide = f" Each point is the sum of {count(len(groups[0]), 'minute')}." * (len(groups[0]) > 1)
    summary = f"{'; '.join(map(_extent, curves))}.{wide}"
    return _figure(story, (*words, summary), [group[0].start for group in groups], curves)


def _of(group: Sequence[Recorded], story: Story, *, candidate: bool) -> list[Minute]:
    """One slot's minutes; before it began the candidate's slot ran something else."""
    if not candidate or story.record.first_plan.in_place:
        return [each.candidate if candidate else each.stable for each in group]
    since = story.record.started_at - MINUTE_S
    return [each.candidate for each in group if each.start > since]


def _extent(curve: Curve) -> str:
    there = [value for value in curve.values if value is not None]
    if not there:
        return f"{curve.name}: not known"
    low, high = brief(min(there)), brief(max(there))
    return f"{curve.name}: {low} to {high}" if low != high else f"{curve.name}: {low} throughout"


def _rate(minutes: Sequence[Minute]) -> float | None:
    there = [one.requests for one in minutes if one.requests is not None]
    return sum(there) / len(there) if there else None


def _failed(minutes: Sequence[Minute]) -> float | None:
    """Percent; nothing where nobody asked."""
    there = [one for one in minutes if one.requests]
    requests = sum(one.requests or 0 for one in there)
    return 100 * sum(one.failures for one in there) / requests if requests else None


def _latency(minutes: Sequence[Minute]) -> float | None:
    """The slowest minute's: percentiles cannot be added."""
    return max((1e3 * one.p99_s for one in minutes if one.p99_s is not None), default=None)


# -- evidence


def _evidence(story: Story) -> Iterator[Figure]:
    """Against the release, and for it, with the thresholds that decide."""
    looks = story.looks
    if not looks:
        return
    times = [look.start + MINUTE_S for look in looks]  # at its end a minute's evidence is known
    metrics = [one.metric for one in looks[-1].findings]
    threshold = looks[-1].threshold
    against = [
        Curve(name=one_line(name), role=each, values=_clamped([look.findings[n].against for look in looks], threshold))
        for (n, name), each in zip(enumerate(metrics), OTHERS, strict=False)
    ]  # fmt: skip
    if len(metrics) > 1:
        together = _clamped([look.against for look in looks], threshold)
        against.append(Curve(name="all of them", role="candidate", values=together))
    against.append(_limit("sent back at", [look.threshold for look in looks]))
    yield _figure(
        story, ("against", "Evidence against the release", "", _against_words(story)), times, against,
        log=True, top=threshold,
    )  # fmt: skip
    safe = [one.safe_threshold for one in looks[-1].findings]
    good = [
        Curve(name=one_line(name), role=each, values=_clamped([look.findings[n].safe for look in looks], safe[n]))
        for (n, name), each in zip(enumerate(metrics), OTHERS, strict=False)
    ]  # fmt: skip
    good.append(_limit("called good at", [max(safe)] * len(looks)))
    words = (
        "Evidence that it is not harmful: called good once every metric has reached its threshold."
    )
    yield _figure(
        story, ("for", "Evidence for the release", "", words), times, good, log=True, top=max(safe)
    )


def _against_words(story: Story) -> str:
    last = story.looks[-1]
    reached = "reached it" if last.condemned else "never reached it"
    return (
        f"1 is none; {brief(last.threshold)} sends the release back. It {reached}, and was "
        f"{brief(last.against)} in the end."
    )


def _clamped(values: Sequence[float], threshold: float) -> tuple[float | None, ...]:
    return tuple(min(max(value, LEAST), BEYOND * threshold) for value in values)


def _limit(name: str, values: Sequence[float]) -> Curve:
    return Curve(name=name, role="threshold", values=tuple(map(known, values)), dashed=True)


# -- the fleet, and what it took


def _healthy(story: Story) -> Figure | None:
    samples = story.record.samples
    if not samples:
        return None
    curves = [
        curve
        for slot in slots(story)
        for curve in (
            Curve(
                name=f"{called(story, slot)} healthy", role=role(story, slot), stepped=True,
                values=tuple(float(each.healthy(slot)) for each in samples),
            ),
            Curve(
                name=f"{called(story, slot)} wanted", role=role(story, slot), stepped=True, dashed=True,
                values=tuple(float(each.wanted(slot)) for each in samples),
            ),
        )
    ]  # fmt: skip
    summary = f"{'; '.join(map(_extent, curves[::2]))}. As seen when the record was written."
    words = ("healthy", "Healthy instances", "", summary)
    return _figure(story, words, [each.at for each in samples], curves, whole=True)


def _calls(story: Story) -> Figure | None:
    samples, total = story.record.samples, sum(story.record.calls.values())
    if not samples or not total:
        return None
    took = max(1.0, story.ended_at - story.record.started_at) / MINUTE_S
    summary = f"{total:,} calls, {brief(total / took)} a minute."
    curve = Curve(name="calls so far", role="first", values=tuple(float(s.calls) for s in samples))
    words = ("calls", "AWS API calls of the deployer", "", summary)
    return _figure(story, words, [each.at for each in samples], [curve], whole=True)

"""What a canary is held to, for people and for programs: its plan shows it before anything happens. Pure."""

from collections.abc import Iterator
from typing import Any

from deployer.analysis.counts import MINUTE_S
from deployer.analysis.dispersion import Base
from deployer.analysis.forecast import Forecast, beforehand
from deployer.analysis.foresight import Course, course
from deployer.analysis.limits import FAILURES, SLOW, Limits, Metric
from deployer.analysis.ramp import ENOUGH
from deployer.analysis.terms import Terms
from deployer.durations import percent, spell
from deployer.operations.usual import ENOUGH_MIN
from deployer.plan import Plan
from deployer.render.words import one_line, span

FEW = 10.0
UNDECIDED = {
    "promote": "it goes on, if nothing speaks against it",
    "hold": "it waits for a person",
    "abort": "it goes back",
}


def terms_of(plan: Plan) -> Terms | None:
    """What the plan's candidate is held to beside a stable slot; None: no stretch of it is."""
    return plan.intent.terms if plan.strategy == "canary" else None


def lines(plan: Plan) -> Iterator[str]:
    """By what it is judged, what is usual, and how long that takes: a sentence or two each."""
    terms = terms_of(plan)
    if terms is None:
        return
    limits = terms.limits
    judged = _listed([_words(one, terms) for one in limits.metrics])
    yield (
        f"Judged beside {plan.stable} by {judged}{'' if _of_latency(limits) else ', not by latency'}: a "
        f"release that is no worse goes back in {_rate(limits.alpha)} of deployments at most, a harmful "
        f"one is called good in {_rate(limits.beta)}."
    )
    yield f"{_usual(terms)}{_verdict(terms, ramps=plan.intent.auto)}"


def _of_latency(limits: Limits) -> bool:
    return any(metric.name == SLOW.name for metric in limits.metrics)


def _words(metric: Metric, terms: Terms) -> str:
    if metric.name == FAILURES.name:
        return "failed requests"
    if metric.name == SLOW.name and terms.slow_s is not None:
        return f"answers slower than {brief(terms.slow_s)}"
    return one_line(metric.name)


def _usual(terms: Terms) -> str:
    """What was before."""
    own = f"Beside users come {terms.probes:,} probes a minute. " if terms.probes else ""
    if terms.requests_per_min is None:
        return f"What is usual is not known: it takes {ENOUGH_MIN} minutes of users in the last day. {own}"
    told = [
        f"{_rate(base.usual)} {'failed' if name == FAILURES.name else one_line(name)}"
        for name, base in terms.bases.items()
        if base.usual is not None
    ]
    most = f"; at most {_listed(told)}" if told else ""
    load = terms.requests_per_min
    number = f"{load:,.0f}" if load >= FEW else f"{load:.2g}"
    return f"Usual: {number} requests a minute{most}. {own}"


def _verdict(terms: Terms, *, ramps: bool) -> str:
    """When to expect one, and what becomes of the release without."""
    limits = terms.limits
    after = spell(limits.max_minutes * MINUTE_S)
    then = UNDECIDED[limits.inconclusive]
    end = f"without a verdict after {after} {then}."
    ahead = course(terms) if ramps else None
    if ahead is not None and ahead.good is None:
        return f"{_course(ahead)}, and no verdict within {after}: then {then}."
    if ahead is not None and ahead.good is not None:
        return f"{_course(ahead)}, and is called good after {span(ahead.good * MINUTE_S)}; {end}"
    few = foreseen(terms)
    if few is None:
        return f"{end[0].upper()}{end[1:]}"
    if few.minutes is None:
        return f"So little never tells whether it is good: {end}"
    took = span(few.minutes * MINUTE_S)
    if few.minutes > limits.max_minutes:
        return f"{percent(ENOUGH)} of that would tell in {took} only whether it is good: {end}"
    return f"{percent(ENOUGH)} of that tell in about {took} whether it is good; {end}"


def _course(ahead: Course) -> str:
    """Share by share."""
    stops = [
        f"{percent(share)} {f'after {span(at * MINUTE_S)}' if at else 'at once'}"
        for at, share in ahead.shares
    ]
    return f"A release that is as good gets {', '.join(stops)}"


def foreseen(terms: Terms) -> Forecast | None:
    """How long it takes at half of the usual traffic to call a good release good; None: unknown."""
    if terms.requests_per_min is None:
        return None
    return beforehand(terms.limits, terms.bases, terms.requests_per_min + terms.probes, ENOUGH)


def document(plan: Plan) -> dict[str, Any] | None:
    """The same for programs."""
    terms = terms_of(plan)
    if terms is None:
        return None
    limits, ahead = terms.limits, foreseen(terms)
    ramp = course(terms) if plan.intent.auto else None
    return {
        "metrics": [_metric(one, terms.bases.get(one.name, Base())) for one in limits.metrics],
        "slow_s": terms.slow_s, "requests_per_min": terms.requests_per_min,
        "probes_per_min": terms.probes, **_bounds(limits),
        "expected_s": ahead.minutes * MINUTE_S if ahead and ahead.minutes is not None else None,
        "course": _stops(ramp) if ramp else None,
        "good_after_s": ramp.good * MINUTE_S if ramp and ramp.good else None,
    }  # fmt: skip


def _stops(ahead: Course) -> list[dict[str, Any]]:
    return [{"after_s": at * MINUTE_S, "percent": share / 10} for at, share in ahead.shares]


def ramping_s(plan: Plan) -> float:
    """How long the plan's ramp is to be expected to take, seconds; 0: it has none, or nobody knows."""
    terms = terms_of(plan)
    ahead = course(terms) if terms is not None and plan.intent.auto else None
    return ahead.over * MINUTE_S if ahead else 0.0


def _bounds(limits: Limits) -> dict[str, Any]:
    return {
        "alpha": limits.alpha, "beta": limits.beta, "harm_budget": limits.harm_budget,
        "warm_up_s": limits.warm_up * MINUTE_S, "least_s": limits.min_minutes * MINUTE_S,
        "most_s": limits.max_minutes * MINUTE_S, "inconclusive": limits.inconclusive,
    }  # fmt: skip


def _metric(metric: Metric, base: Base) -> dict[str, Any]:
    return {
        "name": metric.name, "weight": metric.weight, "tolerated": metric.tolerated,
        "usual": base.usual, "clustered": base.phi, "history_minutes": base.minutes,
    }  # fmt: skip


def brief(duration_s: float) -> str:
    """`220ms`, `1.5s`."""
    return f"{duration_s:g}s" if duration_s >= 1 else f"{1000 * duration_s:g}ms"


def _rate(rate: float) -> str:
    """`0.012 %`."""
    return f"{float(f'{100 * rate:.2g}'):g} %"


def _listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))

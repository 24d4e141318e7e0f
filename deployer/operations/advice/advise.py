"""Down the table: circumstances -> advice; and what other answers would have changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from deployer.operations.advice.circumstances import Circumstances, Fact, facts
from deployer.operations.advice.conditions import all_hold
from deployer.operations.advice.notes import NOTES
from deployer.operations.advice.questions import Criticality, Database, Spare, Stage, Together
from deployer.operations.advice.settings_table import SETTINGS
from deployer.operations.advice.table import CARE, EVIDENCE, STRATEGY, Row, Value

STRATEGY_KEY = "environment.strategy"
DECIDED = (CARE, EVIDENCE, STRATEGY)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and why.

    reasons:  the row that decided `care`, `evidence`, `strategy`, and each setting.
    settings: by dotted key (`environment.` for those of the environment itself), as
              deployer.toml has them; the strategy first.
    """

    reasons: Mapping[str, Row]
    settings: Mapping[str, Value]
    notes: tuple[str, ...]

    @property
    def strategy(self) -> str:
        """`canary`, `blue-green` or `rolling`."""
        return str(self.reasons["strategy"].value)

    @property
    def care(self) -> str:
        """One of `CARE_LEVELS`."""
        return str(self.reasons["care"].value)

    @property
    def evidence(self) -> str:
        """`minutes`, `hours`, `scarce` or `unknown`."""
        return str(self.reasons["evidence"].value)


@dataclass(frozen=True, slots=True)
class Change:
    """Other advice for another answer.

    question: its name; `answer`: the other one.
    advice:   what it would have been.
    settings: keys of what differs, where both advise the same strategy.
    """

    question: str
    answer: str
    advice: Advice
    settings: tuple[str, ...] = ()


def advise(of: Circumstances) -> Advice:
    """Advice for any answers."""
    known = facts(of)
    reasons: dict[str, Row] = {}
    for rows in DECIDED:
        row = _first(rows, known)
        reasons[row.decides] = row
        known[row.decides] = str(row.value)
    chosen = SETTINGS[str(known["strategy"])]
    settings: dict[str, Value] = {STRATEGY_KEY: reasons["strategy"].value}
    for row in chosen:
        if row.decides not in reasons and all_hold(row.when, known):
            reasons[row.decides] = row
            settings[row.decides] = row.value
    notes = tuple(note.words for note in NOTES if all_hold(note.when, known))
    return Advice(reasons, settings, notes)


def _first(rows: tuple[Row, ...], known: Mapping[str, Fact]) -> Row:
    return next(row for row in rows if all_hold(row.when, known))


def changes(of: Circumstances) -> tuple[Change, ...]:
    """What one other answer would change, once for each question and outcome: other strategies first."""
    now = advise(of)
    found = [
        Change(name, answer, then, _differing(now, then)) for name, answer, then in _others(of)
    ]
    elsewhere = [each for each in found if each.advice.strategy != now.strategy]
    moved = {each.question for each in elsewhere}
    nearer = [each for each in found if each.settings and each.question not in moved]
    return (*_once(elsewhere), *_once(nearer))


def _differing(now: Advice, then: Advice) -> tuple[str, ...]:
    if now.strategy != then.strategy:
        return ()
    keys = {**now.settings, **then.settings}
    return tuple(key for key in keys if now.settings.get(key) != then.settings.get(key))


def _once(found: list[Change]) -> Iterator[Change]:
    """Each outcome of a question once: the first answer that brings it."""
    seen: set[tuple[str, str]] = set()
    for each in found:
        outcome = (each.question, repr(each.advice.settings))
        if outcome not in seen:
            seen.add(outcome)
            yield each


def _others(of: Circumstances) -> Iterator[tuple[str, str, Advice]]:
    """Every answer that was not given, numbers at the table's bounds; the nearest first."""
    for name, answer, other in _otherwise(of):
        if other != of:
            yield name, answer, advise(other)


def _otherwise(of: Circumstances) -> Iterator[tuple[str, str, Circumstances]]:
    for together in Together:
        yield "two-versions", together, replace(of, together=together)
    for database in Database:
        yield "database", database, replace(of, database=database)
    for spare in Spare:
        yield "budget", spare, replace(of, spare=spare)
    for criticality in Criticality:
        yield "criticality", criticality, replace(of, criticality=criticality)
    for sla in (0.0, 99.9, 99.99):
        yield "sla", f"{sla:g} %" if sla else "none", replace(of, sla=sla)
    for left in (100.0, 20.0, 0.0):
        yield "error-budget", f"{left:g} %", replace(of, error_budget=left)
    for traffic in (0.1, 1.0, 10.0, 100.0, 1000.0):
        yield "traffic", f"{traffic:g} requests/s", replace(of, traffic=traffic)
    for stage in Stage:
        yield "stage", stage, replace(of, stage=stage)

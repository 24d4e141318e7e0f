"""All alarms of the lab with their states and history, in memory."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.lab.ringing import PREFIX, Ringing
from deployer.lab.telemetry.alarms import COMPOSITE, METRIC, Alarm, Watch
from deployer.lab.telemetry.composites import CompositeRule
from deployer.lab.telemetry.evaluation import State, decide
from deployer.lab.telemetry.queries import Evaluation
from deployer.lab.telemetry.requests import moment, refused, unsupported
from deployer.lab.telemetry.store import MINUTE_S, Store
from deployer.lab.wire import Refused

HISTORY = 5_000  # items that are kept


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm went from one state to another; whoever it names is to be told."""

    alarm: Alarm
    before: State
    after: State
    at: float
    actions: tuple[str, ...]


class AlarmBook:
    """Names to alarms; evaluation changes states and says so in transitions."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}
        self._history: deque[dict[str, Any]] = deque(maxlen=HISTORY)

    def all(self) -> list[Alarm]:
        """Sorted by name."""
        return sorted(self._alarms.values(), key=lambda alarm: alarm.name)

    def get(self, name: str) -> Alarm | None:
        return self._alarms.get(name)

    def put(
        self,
        arn: str,
        settings: Mapping[str, Any],
        what: Watch | CompositeRule,
        now: float,
    ) -> list[Transition]:
        """Create or overwrite; an alarm that existed keeps its state, tags and ARN.

        Raises:
            Refused: the name belongs to an alarm of the other kind, or a rule refers to an alarm
                that does not exist, or to itself.
        """
        name = str(settings["AlarmName"])
        watch = what if isinstance(what, Watch) else None
        rule = what if isinstance(what, CompositeRule) else None
        old = self._alarms.get(name)
        if old is not None and (old.watch is None) != (watch is None):
            raise refused(f"An alarm {name!r} of the other type exists.")
        if rule is not None:
            self._check_children(name, rule)
        kept = {key: value for key, value in settings.items() if key != "Tags"}
        enabled = bool(settings.get("ActionsEnabled", True))
        alarm = Alarm(name, arn, kept, watch, rule, now, enabled, updated_at=now)
        alarm.transitioned_at = now
        if old is not None:
            alarm.state, alarm.reason, alarm.reason_data = old.state, old.reason, old.reason_data
            alarm.updated_at, alarm.transitioned_at = old.updated_at, old.transitioned_at
            alarm.tags = old.tags
        else:
            alarm.tags = {tag["Key"]: tag["Value"] for tag in settings.get("Tags") or ()}
        self._alarms[name] = alarm
        self._note(
            alarm, now, "ConfigurationUpdate", f"Alarm {name!r} {'updated' if old else 'created'}"
        )
        return self._settle([alarm] if rule is not None else [], now)

    def _check_children(self, name: str, rule: CompositeRule) -> None:
        unknown = [child for child in rule.children if child not in self._alarms and child != name]
        if unknown:
            raise refused(f"AlarmRule refers to alarms that do not exist: {', '.join(unknown)}")
        reached, waiting = set[str](), list(rule.children)
        while waiting:
            child = waiting.pop()
            if child == name:
                raise refused(f"AlarmRule of {name!r} refers to itself through its children.")
            below = self._alarms[child].composite
            if child not in reached and below is not None:
                waiting.extend(below.children)
            reached.add(child)

    def delete(self, names: Sequence[str], now: float) -> None:
        """Names that do not exist are ignored, as AWS does.

        Raises:
            Refused: two composite alarms at once, or an alarm that a composite depends on.
        """
        doomed = [alarm for name in names if (alarm := self._alarms.get(name))]
        if sum(alarm.kind == COMPOSITE for alarm in doomed) > 1:
            raise refused("At most one composite alarm can be deleted in one operation.")
        gone = {alarm.name for alarm in doomed}
        for other in self._alarms.values():
            used = gone & set(other.composite.children if other.composite else ())
            if other.name not in gone and used:
                raise refused(
                    f"Cannot delete {', '.join(sorted(used))}: {other.name!r} depends on it."
                )
        for alarm in doomed:
            del self._alarms[alarm.name]
            self._note(alarm, now, "ConfigurationUpdate", f"Alarm {alarm.name!r} deleted")

    def set_state(
        self, name: str, state: State, reason: str, data: str, now: float
    ) -> list[Transition]:
        """For tests: a metric alarm returns to its real state at its next evaluation.

        Raises:
            Refused: ResourceNotFound; NotImplemented for the alarm of a scaling policy, which acts
                     on a metric that this alarm then has not seen.
        """
        alarm = self._alarms.get(name)
        if alarm is None:
            raise Refused("ResourceNotFound", f"Unknown alarm {name!r}", 404)
        if any(action.startswith(PREFIX) for action in alarm.actions(State.ALARM)):
            raise unsupported("SetAlarmState for the alarm of a scaling policy")
        changed = self._enter(alarm, state, reason, data, now)
        return changed + self._ripple(changed, now)

    def evaluate(self, store: Store, now: float) -> list[Transition]:
        """Every metric alarm at the minute that `now` begins, then the composites above them."""
        changed: list[Transition] = []
        for alarm in self.all():
            if alarm.watch is not None:
                changed += self._evaluate(alarm, alarm.watch, store, now)
        return changed + self._ripple(changed, now)

    def ringing(self) -> list[Ringing]:
        """Alarms in ALARM that have a scaling policy to tell, as evaluated last."""
        return [
            Ringing(alarm.name, action, _points(alarm, alarm.watch))
            for alarm in self.all()
            if alarm.state is State.ALARM and alarm.actions_enabled and alarm.watch is not None
            for action in alarm.actions(State.ALARM)
            if action.startswith(PREFIX)
        ]

    def _evaluate(self, alarm: Alarm, watch: Watch, store: Store, now: float) -> list[Transition]:
        end = int(now // MINUTE_S) * MINUTE_S
        start = end - watch.rule.range * watch.period_s
        try:
            points = watched_points(watch, store, start, end)
        except Refused as error:
            reason = f"Evaluation error: {error.message}"
            return self._enter(alarm, State.INSUFFICIENT_DATA, reason, "{}", now)
        if watch.least_samples and samples(watch, store, end) < watch.least_samples:
            return []
        outcome = decide(watch.rule, points)
        if outcome.state is None:
            return []
        data = _reason_data(watch, points, start, end)
        return self._enter(alarm, outcome.state, outcome.reason, data, now)

    def _settle(self, composites: Sequence[Alarm], now: float) -> list[Transition]:
        """Evaluate these composite alarms, then those above them."""
        states = {alarm.name: alarm.state for alarm in self._alarms.values()}
        changed: list[Transition] = []
        for alarm in composites:
            if alarm.composite is not None:
                holds = alarm.composite.holds(states)
                reason = f"{alarm.settings['AlarmRule']} is {'TRUE' if holds else 'FALSE'}"[:1023]
                after = State.ALARM if holds else State.OK
                changed += self._enter(alarm, after, reason, "{}", now)
        return changed + (self._ripple(changed, now) if changed else [])

    def _ripple(self, changed: Sequence[Transition], now: float) -> list[Transition]:
        """A composite alarm is evaluated when one of its children has changed its state."""
        names = {transition.alarm.name for transition in changed}
        above = [a for a in self.all() if a.composite and names & set(a.composite.children)]
        return self._settle(above, now) if above else []

    def _enter(
        self, alarm: Alarm, state: State, reason: str, data: str, now: float
    ) -> list[Transition]:
        before = alarm.state
        alarm.reason, alarm.reason_data = reason[:1023], data[:4000]
        if state is before:
            return []
        alarm.state, alarm.updated_at, alarm.transitioned_at = state, now, now
        summary = f"Alarm updated from {before} to {state}"
        self._note(
            alarm,
            now,
            "StateUpdate",
            summary,
            {"oldState": before, "newState": state, "reason": reason},
        )
        actions = tuple(alarm.actions(state)) if alarm.actions_enabled else ()
        return [Transition(alarm, before, state, now, actions)]

    def note_action(self, transition: Transition, summary: str) -> None:
        """Remember what came of telling somebody."""
        self._note(transition.alarm, transition.at, "Action", summary)

    def _note(
        self,
        alarm: Alarm,
        at: float,
        kind: str,
        summary: str,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self._history.append(
            {
                "AlarmName": alarm.name,
                "AlarmType": alarm.kind,
                "Timestamp": moment(at),
                "HistoryItemType": kind,
                "HistorySummary": summary[:255],
                "HistoryData": json.dumps({"version": "1.0", **(data or {})})[:4095],
            }
        )

    def history(self, name: str | None, kinds: Sequence[str] = (METRIC,)) -> list[dict[str, Any]]:
        """The oldest first; of deleted alarms, too."""
        return [
            item
            for item in self._history
            if name in (None, item["AlarmName"]) and item["AlarmType"] in kinds
        ]


def watched_points(watch: Watch, store: Store, start: int, end: int) -> list[float | None]:
    """The watched series, period by period, the newest last; None where there is no point.

    Raises:
        Refused: the expression has no time series as its value.
    """
    results = Evaluation(store, watch.queries, start, end).results()
    if len(results) != 1:
        raise refused("an alarm watches one time series, not several")
    return [results[0].series.get(at) for at in range(start, end, watch.period_s)]


def _points(alarm: Alarm, watch: Watch) -> tuple[float, ...]:
    """What the last evaluation counted."""
    seen = json.loads(alarm.reason_data or "{}").get("recentDatapoints") or (watch.rule.threshold,)
    return tuple(seen[-watch.rule.periods :])


def samples(watch: Watch, store: Store, end: int) -> float:
    """How many samples the evaluated periods hold."""
    metric = watch.queries[0].metric
    start = end - watch.rule.periods * watch.period_s
    points = store.read(metric, start, end, watch.period_s).values() if metric else ()
    return sum(point.count for point in points)


def _reason_data(watch: Watch, points: Sequence[float | None], start: int, end: int) -> str:
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": moment(end).isoformat(),
            "startDate": moment(start).isoformat(),
            "period": watch.period_s,
            "recentDatapoints": [value for value in points if value is not None],
            "threshold": watch.rule.threshold,
        }
    )

"""A sweep: look at all environments, tell people about the idle ones, tear down what was told.

    lease -> scan -> judge -> agenda -> too much? nothing at all
          -> withdraw -> give notice, tell, remember that it was told -> act on what is due

One sweep at a time (the book's lease), renewed before each effect. Kill it anywhere: what is written
is true at each moment, and the next sweep goes on from there. A notice that nobody was told of is given
anew with its whole time; an act that has begun is called again, and is its own master of going on.
Before an act everything is read once more: the notice must still stand, the last deployment be older
than the grace, and the act looks at its environment itself.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from deployer.errors import CloudUnavailable, DeployError, Halted, LeaseLost, Locked
from deployer.operations.idle.agenda import Agenda, Item, Move, agenda
from deployer.operations.idle.hours import first_free, working
from deployer.operations.idle.judge import Rules, Why, end_of_life, judge, too_young
from deployer.operations.idle.ports import (
    Acts,
    Book,
    Calendar,
    Ending,
    Facts,
    Notice,
    Notices,
    People,
    Reminders,
    Scan,
)
from deployer.operations.idle.words import FATE, announcement, subject, summary
from deployer.ports import Clock

AGAIN_S = 120.0  # what goes on by itself is looked at again then


@dataclass(frozen=True, slots=True)
class Row:
    """What a sweep found and did with one environment.

    done:    what was done, in words; empty: nothing.
    problem: why it could not be done.
    """

    item: Item
    done: str = ""
    ending: Ending | None = None
    problem: DeployError | None = None

    @property
    def environment(self) -> str:
        """Its name."""
        return self.item.environment

    @property
    def words(self) -> str:
        """What came of it, for people."""
        return f"failed: {self.problem}" if self.problem else self.done


@dataclass(frozen=True, slots=True)
class Report:
    """A whole sweep.

    dry:       nothing was done but told.
    excess:    why nothing at all was touched; empty: it was not too much.
    strangers: ephemeral environments of the service that deployer.toml does not know.
    """

    rows: tuple[Row, ...]
    dry: bool
    excess: str = ""
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One sweep over the environments in `rules`.

    owner:   of the lease, different for each sweep.
    lease_s: how long one effect may last.
    every_s: how long it is from one scheduled run to the next.
    new_id:  a notice's id, different each time.
    """

    service: str
    rules: Mapping[str, Rules]
    scan: Scan
    notices: Notices
    acts: Acts
    book: Book
    people: People
    reminders: Reminders
    calendar: Calendar
    clock: Clock
    owner: str
    lease_s: float
    every_s: float
    most: int
    new_id: Callable[[], str]
    _rows: dict[str, Row] = field(default_factory=dict)

    def look(self) -> Report:
        """What a sweep would do now; changes nothing, and needs no lease."""
        facts, plan, strangers = self._read()
        del facts
        return Report(tuple(map(Row, plan.items)), True, plan.excess, strangers)

    def scheduled(self, dry_runs: int) -> Report:
        """A run of the schedule: the first `dry_runs` of them only tell.

        Raises:
            Locked: another sweep runs.
            CloudUnavailable, AccessProblem: the reading is not complete; nothing was touched.
        """
        before = self.book.dry_runs()
        if before >= dry_runs:
            return self.run()
        report = self.look()
        would = [Row(row.item, _would(row.item)) for row in report.rows if _would(row.item)]
        if would or report.excess:
            text = f"{summary(would)}\n\n{report.excess}".strip()
            self._tell(f"dry run {before + 1} of {dry_runs}: nothing was done", text)
        self.book.count_dry(before)
        return report

    def run(self) -> Report:
        """Do it.

        Raises:
            Locked: another sweep runs, or took over.
            CloudUnavailable, AccessProblem: the reading is not complete; nothing was touched.
        """
        now = self.clock.now()
        other = self.book.take(self.owner, now + self.lease_s, now)
        if other:
            raise Locked(f"another sweep runs: {other}; the next one finds what is left")
        try:
            return self._hold()
        finally:
            with suppress(CloudUnavailable):  # it runs out by itself
                self.book.free(self.owner)

    def _hold(self) -> Report:
        facts, plan, strangers = self._read()
        if plan.excess:
            self._tell("too many idle environments: nothing was touched", plan.excess)
            return Report(tuple(map(Row, plan.items)), False, plan.excess, strangers)
        for item in plan.of(Move.WITHDRAW):
            self._each(item, self._withdraw)
        self._announce(plan, facts)
        for item in plan.of(Move.ACT):
            self._each(item, self._act)
        rows = tuple(self._rows.get(item.environment, Row(item)) for item in plan.items)
        self._tell_of(rows)
        return Report(rows, False, "", strangers)

    def _read(self) -> tuple[Mapping[str, Facts], Agenda, tuple[str, ...]]:
        now = self.clock.now()
        seen = self.scan.read({name: each.span for name, each in self.rules.items()}, now)
        judged = {n: judge(seen.facts.get(n), each, now) for n, each in self.rules.items()}
        busy = {
            name: working(each.hours, self.calendar, each.zone, now)
            for name, each in self.rules.items()
        }
        plan = agenda(judged, seen.facts, busy, most=self.most, now=now)
        return seen.facts, plan, seen.strangers

    def _each(self, item: Item, effect: Callable[[Item], Row]) -> None:
        """One environment that fails does not keep the others from theirs."""
        self._keep()
        try:
            self._rows[item.environment] = effect(item)
        except DeployError as error:
            self._rows[item.environment] = Row(item, problem=error)

    def _keep(self) -> None:
        if not self.book.keep(self.owner, self.clock.now() + self.lease_s):
            raise LeaseLost("this sweep lasted too long and another one has begun: it stops here")

    def _withdraw(self, item: Item) -> Row:
        if item.notice is not None:
            self.notices.withdraw(item.environment, item.notice.id)
        self.reminders.drop([item.environment])
        return Row(item, f"stays: {item.judgement.words}")

    def _announce(self, plan: Agenda, facts: Mapping[str, Facts]) -> None:
        """Given, told, and noted as told: in this order, so that nobody is surprised."""
        given: dict[str, Notice] = {}

        def give(item: Item) -> Row:
            notice = self._given(item)
            if notice is None:
                return Row(item, "stays: it was used, extended or told of meanwhile")
            given[item.environment] = notice
            return Row(
                item, f"told that it {FATE[notice.level]} at {self._when(item.environment, notice)}"
            )

        for item in plan.of(Move.GIVE):
            self._each(item, give)
        if not given:
            self._remind(facts)
            return
        told = [(name, each, self._when(name, each)) for name, each in given.items()]
        names = ", ".join(sorted(given))
        self._tell(f"idle, and about to go: {names}", announcement(told))
        for item in plan.of(Move.GIVE):
            if item.environment in given:
                self._each(item, lambda item: self._told(item, given[item.environment]))
        self._remind(facts)

    def _given(self, item: Item) -> Notice | None:
        """Its notice, written down; None: it is needed after all."""
        rules, level, now = self.rules[item.environment], item.level, self.clock.now()
        if level is None or self._deployed_lately(item):
            return None
        due = first_free(rules.hours, self.calendar, rules.zone, now + rules.notice_s)
        notice = Notice(self.new_id(), now, due, level, item.judgement.words)
        instead = item.notice.id if item.notice else ""
        return notice if self.notices.give(item.environment, notice, instead) else None

    def _told(self, item: Item, notice: Notice) -> Row:
        self.notices.told(item.environment, notice.id)
        self.reminders.set(item.environment, notice.due_at)
        return self._rows[item.environment]

    def _remind(self, facts: Mapping[str, Facts]) -> None:
        """A run at the moment an environment's time is over, if that comes before the next run."""
        now = self.clock.now()
        for name, seen in facts.items():
            end = end_of_life(seen, self.rules[name])
            over = max(end or 0.0, seen.standing.extended_until)
            if end is not None and seen.tagged and now < over < now + self.every_s:
                with suppress(DeployError):  # the schedule's own run comes later, but comes
                    self.reminders.set(name, over)

    def _act(self, item: Item) -> Row:
        name, notice, level = item.environment, item.notice, item.level
        if notice is None or level is None:
            return Row(item)
        if not notice.begun and self._deployed_lately(item):
            self.notices.withdraw(name, notice.id)
            return Row(item, "stays: something was deployed to it meanwhile")
        if not self.notices.begin(name, notice.id):
            return Row(item, "stays: it was extended meanwhile")
        try:
            outcome = self.acts.tear_down(name, level, notice.why)
        except Halted:  # it needs a person; if it stays idle, people are told anew
            self._close(name, notice)
            raise
        if outcome.ending is Ending.BEGUN:
            self.reminders.set(name, self.clock.now() + AGAIN_S)
        else:
            self._close(name, notice)
        return Row(item, f"{outcome.ending.value}: {outcome.words}", outcome.ending)

    def _close(self, name: str, notice: Notice) -> None:
        """The notice has done its duty. With a deleted environment its journal is gone too."""
        with suppress(DeployError):
            self.notices.withdraw(name, notice.id)
        with suppress(DeployError):  # it would only look, and find nothing to do
            self.reminders.drop([name])

    def _deployed_lately(self, item: Item) -> bool:
        if item.judgement.why is Why.EXPIRED:
            return False
        at = self.scan.deployed_at(item.environment)
        return too_young(at, self.rules[item.environment], self.clock.now())

    def _when(self, name: str, notice: Notice) -> str:
        return self.calendar.spell(notice.due_at, self.rules[name].zone)

    def _tell_of(self, rows: tuple[Row, ...]) -> None:
        """What was given notice of was told already."""
        failed = [row for row in rows if row.problem is not None]
        said = [
            row for row in rows if row.words and (row.item.move is not Move.GIVE or row.problem)
        ]
        if said:
            what = "could not all be done" if failed else "done"
            self._tell(f"{', '.join(row.environment for row in said)}: {what}", summary(said))

    def _tell(self, what: str, text: str) -> None:
        self.people.tell(subject(self.service, what), text)


def _would(item: Item) -> str:
    """What a dry run tells of it; empty: nothing would happen."""
    if item.move is Move.GIVE and item.level is not None:
        return f"people would be told that it {FATE[item.level]}: {item.judgement.words}"
    if item.move is Move.ACT and item.notice is not None and item.level is not None:
        return f"it {FATE[item.level]} now, as people were told: {item.notice.why}"
    if item.move is Move.WITHDRAW:
        return f"its notice would be withdrawn: {item.judgement.words}"
    return ""

"""A small cloud of environments for sweeps: its own clock, and a death at any call."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, TypeVar

from deployer.errors import NotFound
from deployer.operations.idle.hours import OfficeHours
from deployer.operations.idle.judge import Rules
from deployer.operations.idle.ports import (
    Ending,
    Facts,
    Level,
    Notice,
    Outcome,
    Scanned,
    Span,
    Standing,
)
from deployer.operations.idle.sweep import Report, Sweep
from deployer.process.zones import Zones

T = TypeVar("T")
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
START = 1_795_468_800.0  # Mon 2026-11-23 21:20 UTC: no office hours
RULES = Rules(
    level="sleep",
    expired_level="delete",
    requests=20,
    span=Span(3600, 6),
    grace_s=DAY_S,
    notice_s=4 * HOUR_S,
    ttl_s=0.0,
    hours=OfficeHours.parse("mon-fri 08:00-19:00"),
    zone="UTC",
)
QUIET = (0.0,) * 6


def facts(**more: object) -> Facts:
    """An idle one, unless said otherwise."""
    known: dict[str, object] = {
        "tagged": True,
        "made_at": START - 30 * DAY_S,
        "changed_at": START - 9 * DAY_S,
        "windows": QUIET,
        "recent": 0.0,
        "instances": (2, 0),
    }
    return Facts(**{**known, **more})  # type: ignore[arg-type]


class Dead(BaseException):
    """The process was killed here."""


@dataclass
class World:
    """Every port of a sweep; `die_at` is the call at which the process dies, `after` it or before."""

    facts: dict[str, Facts]
    rules: dict[str, Rules] = field(default_factory=dict)
    now_s: float = START
    most: int = 3
    every_s: float = HOUR_S
    deployed: dict[str, float] = field(default_factory=dict)
    acted: list[tuple[float, str, Level]] = field(default_factory=list)
    messages: list[tuple[float, str, str]] = field(default_factory=list)
    reminders: dict[str, float] = field(default_factory=dict)
    lease: tuple[str, float] = ("", 0.0)
    dry: int = 0
    calls: list[str] = field(default_factory=list)
    die_at: int = -1
    after: bool = False
    dead: bool = False
    endings: dict[str, list[Outcome]] = field(default_factory=dict)
    before_act: Callable[[str], None] = lambda _: None
    ids: "count[int]" = field(default_factory=count)

    def sweep(self, owner: str = "sweep #1") -> Sweep:
        return Sweep(
            service="shop",
            rules={name: self.rules.get(name, RULES) for name in self.facts} | self.rules,
            scan=_Scan(self),
            notices=_Notices(self),
            acts=_Acts(self),
            book=_Book(self),
            people=_People(self),
            reminders=_Reminders(self),
            calendar=Zones(),
            clock=_Clock(self),
            owner=owner,
            lease_s=300.0,
            every_s=self.every_s,
            most=self.most,
            new_id=lambda: f"notice-{next(self.ids)}",
        )

    def run(self, owner: str = "") -> Report:
        return self.sweep(owner or f"sweep #{next(self.ids)}").run()

    def call(self, name: str, effect: Callable[[], T]) -> T:
        """One call of a port, which the process may not survive."""
        if self.dead:
            raise Dead
        here = len(self.calls) == self.die_at
        self.calls.append(name)
        self.dead = here
        if here and not self.after:
            raise Dead
        done = effect()
        if here:
            raise Dead
        return done

    def revive(self) -> None:
        self.dead, self.die_at = False, -1
        self.now_s += 301.0

    def pass_time(self, duration_s: float) -> None:
        self.now_s += duration_s

    def standing(self, name: str) -> Standing:
        if name not in self.facts:
            raise NotFound(f"the journal of {name} is gone")
        return self.facts[name].standing

    def put(self, name: str, **more: object) -> None:
        self.facts[name] = replace(self.facts[name], **more)  # type: ignore[arg-type]

    def note(self, name: str, notice: Notice | None) -> None:
        self.put(name, standing=replace(self.standing(name), notice=notice))


@dataclass
class _Part:
    world: World


class _Clock(_Part):
    def now(self) -> float:
        return self.world.now_s

    def sleep(self, duration_s: float) -> None:
        self.world.pass_time(duration_s)


class _Scan(_Part):
    def read(self, spans: Mapping[str, Span], now: float) -> Scanned:
        found = {name: self.world.facts[name] for name in spans if name in self.world.facts}
        return self.world.call("read", lambda: Scanned(found))

    def deployed_at(self, environment: str) -> float:
        return self.world.call("deployed_at", lambda: self.world.deployed.get(environment, 0.0))


class _Notices(_Part):
    def read(self, environment: str) -> Standing:
        return self.world.call("standing", lambda: self.world.standing(environment))

    def give(self, environment: str, notice: Notice, instead: str = "") -> bool:
        return self.world.call("give", lambda: self._give(environment, notice, instead))

    def _give(self, environment: str, notice: Notice, instead: str) -> bool:
        standing = self.world.standing(environment)
        there = standing.notice.id if standing.notice else ""
        if there != instead or standing.extended_until > notice.given_at:
            return False
        self.world.note(environment, notice)
        return True

    def told(self, environment: str, notice_id: str) -> bool:
        return self.world.call("told", lambda: self._set(environment, notice_id, told=True))

    def begin(self, environment: str, notice_id: str) -> bool:
        return self.world.call("begin", lambda: self._set(environment, notice_id, begun=True))

    def _set(self, environment: str, notice_id: str, **more: Any) -> bool:
        notice = self.world.standing(environment).notice
        if notice is None or notice.id != notice_id:
            return False
        self.world.note(environment, replace(notice, **more))
        return True

    def withdraw(self, environment: str, notice_id: str) -> None:
        notice = self.world.standing(environment).notice
        same = notice is not None and notice.id == notice_id
        self.world.call("withdraw", lambda: self.world.note(environment, None) if same else None)

    def extend(self, environment: str, until: float) -> Standing:
        later = max(until, self.world.standing(environment).extended_until)
        self.world.put(environment, standing=Standing(None, later))
        return self.world.standing(environment)


class _Acts(_Part):
    def tear_down(self, environment: str, level: Level, why: str) -> Outcome:
        self.world.before_act(environment)
        return self.world.call("act", lambda: self._act(environment, level))

    def _act(self, environment: str, level: Level) -> Outcome:
        world = self.world
        world.acted.append((world.now_s, environment, level))
        planned = world.endings.get(environment)
        if planned:
            outcome = planned.pop(0)
            begun = outcome.ending is Ending.BEGUN
            world.put(environment, deployment="s1" if begun else "")
            return outcome
        if level == "delete":
            world.put(environment, instances=(0, 0))
            del world.facts[environment]
            return Outcome(Ending.DONE, "its stacks are gone")
        world.put(environment, instances=(0, 0))
        return Outcome(Ending.DONE, "it sleeps")


class _Book(_Part):
    def take(self, owner: str, until: float, now: float) -> str:
        return self.world.call("take", lambda: self._take(owner, until, now))

    def _take(self, owner: str, until: float, now: float) -> str:
        holder, expires = self.world.lease
        if holder not in ("", owner) and expires > now:
            return holder
        self.world.lease = (owner, until)
        return ""

    def keep(self, owner: str, until: float) -> bool:
        return self.world.call("keep", lambda: self._keep(owner, until))

    def _keep(self, owner: str, until: float) -> bool:
        if self.world.lease[0] != owner:
            return False
        self.world.lease = (owner, until)
        return True

    def free(self, owner: str) -> None:
        self.world.call("free", lambda: self._free(owner))

    def _free(self, owner: str) -> None:
        if self.world.lease[0] == owner:
            self.world.lease = ("", 0.0)

    def dry_runs(self) -> int:
        return self.world.call("dry_runs", lambda: self.world.dry)

    def count_dry(self, before: int) -> None:
        def count_it() -> None:
            if self.world.dry == before:
                self.world.dry += 1

        self.world.call("count_dry", count_it)


class _People(_Part):
    def tell(self, subject: str, text: str) -> None:
        said = (self.world.now_s, subject, text)
        self.world.call("tell", lambda: self.world.messages.append(said))


class _Reminders(_Part):
    def set(self, environment: str, at: float) -> None:
        self.world.call("remind", lambda: self.world.reminders.update({environment: at}))

    def drop(self, environments: Collection[str]) -> None:
        for each in environments:
            self.world.call("drop", partial(self.world.reminders.pop, each, None))

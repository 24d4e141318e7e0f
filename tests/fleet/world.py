"""Environments that ship by themselves, a book, and a state machine that comes every minute.

An oracle watches whatever begins: a fleet that breaks a promise is found out when it does, not at its
end. Everything that crosses a process goes through the gate, where it can be broken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from msgspec.structs import replace

from deployer.errors import CloudUnavailable, LeaseLost, Locked, NotFound, NotPossibleNow
from deployer.journal import Ask, Lease, Request, outranking
from deployer.operations.fleet import (
    Errand,
    Fleet,
    Phase,
    Sight,
    Wave,
    decode,
    encode,
    members_of,
)
from deployer.operations.fleet_round import ActiveFleet, Round
from tests.sim.clock import SimClock
from tests.sim.faults import Gate, Killed

LEASE_S = 300.0
End = Literal["shipped", "rolled_back", "halted"]


@dataclass
class Site:
    """One environment: how it will do, and what has happened there.

    takes_s:      how long a deployment lasts there; a way back lasts a third of that.
    ends, back_ends: how they end.
    refuses:      why nothing can begin there; present: it serves the release already.
    taken_from, taken_until: between them somebody else's deployment holds it.
    passed_at:    a short deployment of somebody else's was there, and has gone back.
    rings_at:     from then on its alarm rings; gone_at: from then on something else is live.
    ails_at:      from then on the release fails its users.
    deaf:         it does not answer from the first to the second moment.
    stuck:        a deployment there cannot go back.
    """

    takes_s: float = 300.0
    ends: End = "shipped"
    back_ends: End = "shipped"
    refuses: str = ""
    present: bool = False
    taken_until: float = 0.0
    taken_from: float = 0.0
    passed_at: float = float("inf")
    rings_at: float = float("inf")
    ails_at: float = float("inf")
    gone_at: float = float("inf")
    deaf: tuple[float, float] = (0.0, 0.0)
    stuck: bool = False
    begun: dict[str, float] = field(default_factory=dict)
    aborted: dict[str, float] = field(default_factory=dict)
    ways_back: dict[str, str] = field(default_factory=dict)

    def state(self, name: str, now: float) -> str:
        if name not in self.begun:
            return "absent"
        began = self.begun[name]
        if name in self.ways_back:
            return self.back_ends if now >= began + self.takes_s / 3 else "running"
        aborted = self.aborted.get(name)
        if aborted is not None:
            return "rolled_back" if now >= aborted + 60.0 else "running"
        return self.ends if now >= began + self.takes_s else "running"

    def running(self, now: float) -> str:
        return next((name for name in self.begun if self.state(name, now) == "running"), "")


@dataclass
class World:
    """All of it, and what must never happen."""

    sites: dict[str, Site]
    clock: SimClock
    gate: Gate
    lost: set[int] = field(default_factory=set)  # errands, by number, whose answer never comes
    slow: dict[int, float] = field(default_factory=dict)  # and which take effect so much later
    stored: dict[str, bytes] = field(default_factory=dict)
    pointer: str = ""
    lease: Lease | None = None
    request: Request | None = None
    violations: list[str] = field(default_factory=list)
    arriving: list[tuple[float, float, Errand]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    errands: list[Errand] = field(default_factory=list)

    # The book.

    def begin(self, fleet: Fleet) -> Fleet:
        if self.pointer:
            raise Locked(f"fleet {self.pointer} is under way")
        self.pointer, self.stored[fleet.id] = fleet.id, encode(fleet)
        return fleet

    def take(self, fleet_id: str, lease: Lease, now: float) -> Fleet:
        return self.gate.through("book.take", lambda: self._take(fleet_id, lease, now))

    def _take(self, fleet_id: str, lease: Lease, now: float) -> Fleet:
        fleet = self.load(fleet_id)
        if fleet.status.final:
            return fleet
        if self.lease and self.lease.owner not in ("", lease.owner) and self.lease.expires_at > now:
            raise Locked("another visit is at it")
        self.lease = lease
        return fleet

    def save(self, fleet: Fleet, lease: Lease) -> Fleet:
        return self.gate.through("book.save", lambda: self._save(fleet, lease))

    def _save(self, fleet: Fleet, lease: Lease) -> Fleet:
        if self.lease is None or self.lease.owner != lease.owner:
            raise LeaseLost("another visit has taken it")
        saved = replace(fleet, version=fleet.version + 1)
        self.stored[fleet.id], self.lease = encode(saved), lease
        if saved.status.final:
            self.pointer, self.lease = "", None
        return saved

    def leave(self, fleet: Fleet, lease: Lease) -> None:
        self.gate.through("book.leave", lambda: self._leave(lease))

    def _leave(self, lease: Lease) -> None:
        if self.lease is not None and self.lease.owner == lease.owner:
            self.lease = Lease("", self.clock.now())

    def requested(self, fleet: Fleet) -> Request | None:
        return self.gate.through("book.requested", lambda: self.request)

    def ask(self, request: Request) -> str:
        if not self.pointer:
            raise NotPossibleNow("no fleet is under way")
        if self.request is not None and self.request.ask in outranking(request.ask):
            raise NotPossibleNow("asked to go back already")
        self.request = request
        return self.pointer

    def active(self) -> ActiveFleet | None:
        if not self.pointer:
            return None
        fleet = self.load(self.pointer)
        return ActiveFleet(fleet, self.lease or Lease("", fleet.started_at))

    def load(self, fleet_id: str) -> Fleet:
        if fleet_id not in self.stored:
            raise NotFound(fleet_id)
        return decode(self.stored[fleet_id])

    def history(self, limit: int) -> Sequence[Fleet]:
        return [decode(each) for each in list(self.stored.values())[::-1][:limit]]

    # The environments.

    def send(self, errands: Sequence[Errand]) -> Mapping[str, Sight]:
        return {each.environment: self._sent(each) for each in errands}

    def _sent(self, errand: Errand) -> Sight:
        number = len(self.errands)
        self.errands.append(errand)
        silent = Sight(state="silent", about=errand.about, note="timed out")
        if number in self.slow:
            now = self.clock.now()
            self.arriving.append((now + self.slow[number], now, errand))
            return silent
        try:
            sight = self.gate.through(f"member.{errand.kind}", lambda: self.answer(errand))
        except CloudUnavailable:
            return silent
        return silent if number in self.lost else sight

    def arrive(self) -> None:
        """What was on its way for long."""
        now = self.clock.now()
        due = [each for each in self.arriving if each[0] <= now]
        self.arriving = [each for each in self.arriving if each[0] > now]
        for _, sent_at, errand in due:
            self.answer(errand, sent_at)

    def answer(self, errand: Errand, sent_at: float | None = None) -> Sight:
        site, now = self.sites[errand.environment], self.clock.now()
        if site.deaf[0] <= now < site.deaf[1]:
            return Sight(state="silent", about=errand.about, note="timed out")
        if errand.kind == "check":
            return self._checked(site, now)
        refusal = ""
        if errand.kind == "begin":
            refusal = self._begun(errand, site, now, now if sent_at is None else sent_at)
        elif errand.kind == "back":
            refusal = self._back(errand, site, now)
        elif (
            errand.kind == "abort"
            and not site.stuck
            and site.state(errand.deployment, now) == "running"
        ):
            site.aborted.setdefault(errand.deployment, now)
        state = refusal or site.state(errand.about, now)
        return Sight(
            state=state, about=errand.about,  # type: ignore[arg-type]
            other="somebody shipped v9" if now >= site.gone_at else "",
            ringing={"errors": "rings"} if now >= site.rings_at else {},
            ailing="9 of 90 failed" if now >= site.ails_at else "",
            note={"refused": site.refuses, "busy": "taken by bob"}.get(refusal, ""),
        )  # fmt: skip

    def _checked(self, site: Site, now: float) -> Sight:
        told = Sight(state="absent", serves="v41", strategy="canary", irreversible=site.stuck)
        if site.refuses:
            return replace(told, state="refused", note=site.refuses)
        if site.present:
            return replace(told, state="present", serves="v42", note="v42 serves already")
        return replace(told, state="busy", note="taken") if now < site.taken_until else told

    def _begun(self, errand: Errand, site: Site, now: float, sent_at: float) -> str:
        if errand.deployment in site.begun:
            return ""
        old = now >= site.passed_at and errand.deployment < f"{site.passed_at:012.1f}"
        reasons = {
            "late": now > errand.until,
            "present": site.present,
            "busy": site.taken_from <= now < site.taken_until or bool(site.running(now)),
            "stale": old,
            "refused": bool(site.refuses),
        }
        why = next((why for why, holds in reasons.items() if holds), "")
        if not why:
            self._watch_begin(errand, now, sent_at)
            site.begun[errand.deployment] = now
        return why

    def _back(self, errand: Errand, site: Site, now: float) -> str:
        if errand.back in site.begun:
            return ""
        if now > errand.until:
            return "late"
        if site.taken_from <= now < site.taken_until:
            return "busy"
        if now >= site.gone_at:
            return "refused"
        self._watch_back(errand, site, now)
        site.begun[errand.back], site.ways_back[errand.back] = now, errand.deployment
        return ""

    # What must never happen.

    def _fleet(self) -> Fleet:
        return decode(next(iter(self.stored.values())))

    def _watch_begin(self, errand: Errand, now: float, sent_at: float) -> None:
        """What was sent before the failure may arrive after it: it is found, and asked to go back."""
        fleet = self._fleet()
        failed = next((event.at for event in fleet.log if event.kind == "failed"), float("inf"))
        if sent_at > failed:
            self.violations.append(f"{errand.environment} began after the failure")
        number = next(n for n, w in enumerate(fleet.waves) if errand.environment in w.environments)
        for wave in fleet.waves[:number]:
            self._watch_wave(errand, wave, now)
        if self.sites[errand.environment].begun:
            self.violations.append(f"{errand.environment} began twice")

    def _watch_wave(self, errand: Errand, wave: Wave, now: float) -> None:
        promoted = any(
            e.kind == "asked" and e.note.startswith("promote") for e in self._fleet().log
        )
        shipped = [s for s in map(self.sites.__getitem__, wave.environments) if not s.present]
        for site in shipped:
            name = next(iter(site.begun), "")
            if site.state(name, now) != "shipped":
                self.violations.append(f"{errand.environment} began before a wave had ended")
            elif not promoted and now < site.begun[name] + site.takes_s + wave.bake_s:
                self.violations.append(f"{errand.environment} began before a wave had baked")
            if now >= min(site.rings_at, site.gone_at, site.ails_at) + 120.0:
                self.violations.append(f"{errand.environment} began although something was wrong")

    def _watch_back(self, errand: Errand, site: Site, now: float) -> None:
        if site.state(errand.deployment, now) != "shipped":
            self.violations.append(f"{errand.environment} went back from what was not shipped")
        if site.ways_back:
            self.violations.append(f"{errand.environment} went back twice")
        if self._fleet().on_failure != "rollback":
            self.violations.append(f"{errand.environment} went back, and nobody wanted it")


def world(sites: Mapping[str, Site], faults: Mapping[int, object] | None = None) -> World:
    """Environments by name; `faults` as `tests.sim.faults.Gate` has them."""
    clock = SimClock()
    return World(dict(sites), clock, Gate(clock, faults or {}))  # type: ignore[arg-type]


def fleet_of(sim: World, waves: Sequence[Wave], **how: object) -> Fleet:
    """A fleet of v42, recorded."""
    now = sim.clock.now()
    fleet = Fleet(
        id="f1", service="shop", release="v42", waves=tuple(waves), by="alice",
        started_at=now, members=members_of(waves, now), **how,  # type: ignore[arg-type]
    )  # fmt: skip
    return sim.begin(fleet)


def visit(sim: World, fleet_id: str = "f1") -> float | None:
    """One visit by a process of its own; None: it was killed or failed, and comes again."""
    owner = f"visit-{next(sim.numbers)}"
    sim.arrive()
    visitor = Round(
        book=sim, members=sim, clock=sim.clock, owner=owner, lease_s=LEASE_S,
        name=lambda environment: f"{sim.clock.now():012.1f}-{environment}-{next(sim.numbers)}",
    )  # fmt: skip
    try:
        return visitor.visit(fleet_id).again_s
    except (Killed, CloudUnavailable, LeaseLost):
        return None


def carried(sim: World, wishes: Mapping[int, Ask] | None = None, fleet_id: str = "f1") -> Fleet:
    """The state machine: it comes until the fleet has ended. `wishes`: minute -> what is asked."""
    began, left = sim.clock.now(), dict(wishes or {})
    for _ in range(800):
        for minute in [m for m in left if sim.clock.now() >= began + 60.0 * m]:
            wanted = left.pop(minute)
            if sim.pointer:
                _wish(sim, wanted, minute)
        again_s = visit(sim, fleet_id)
        if again_s == 0.0:
            sim.clock.sleep(3_600.0)  # whatever was on its way has arrived by now
            sim.arrive()
            return sim.load(fleet_id)
        sim.clock.sleep(60.0 if again_s is None else again_s)
    raise AssertionError(f"eight hundred visits were not enough: {sim.load('f1')}")


def _wish(sim: World, wanted: Ask, minute: int) -> None:
    try:
        sim.ask(Request(wanted, "bob", f"w{minute}"))
    except NotPossibleNow:
        return


def phases(fleet: Fleet) -> dict[str, Phase]:
    return {member.environment: member.phase for member in fleet.members}


WAVES = (Wave(("box",), 600.0), Wave(("eu",), 1200.0), Wave(("us", "ap"), 300.0))
EVERYWHERE = ("box", "eu", "us", "ap")


def sites(**special: Site) -> dict[str, Site]:
    """Four environments; those named are special."""
    return {name: special.get(name, Site()) for name in EVERYWHERE}

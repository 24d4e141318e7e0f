"""A fleet: one release of a service on its way to many environments, a wave at a time. Pure.

The record says where each environment stands, and what is wanted of it; it is saved before anybody
is asked for anything, so that whoever takes the fleet up next knows what may have begun meanwhile.
The deployments themselves are the environments' own: each is in the journal of its environment.

    phase of a member                                          ended
    waiting      its wave has not come
    beginning    its deployment has a name, and may have begun
    under way    its deployment runs
    shipped      the release serves there, by this fleet       yes, unless it is to go back
    present      the release served there already              yes
    rolled back  its deployment went back by itself            yes
    halted       its deployment halted: a person must look     yes
    refused      nothing was changed there, and why            yes
    not begun    its wave never came                           yes
    turning      the way back has a name, and may have begun
    returning    the way back runs
    returned     what served before serves again               yes
    kept         it was to go back and did not, and why        yes
    lost         it has not answered for too long              yes
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Literal

import msgspec
from msgspec.structs import replace

from deployer.errors import PlanInvalid
from deployer.plan import Event
from deployer.record.acts import Actor

EVENTS = 200  # what the record keeps: the newest
ACTS = 50  # the same of what people did, beside who began it
MOST_ENVIRONMENTS = 200  # one record has all of them, and DynamoDB's items have 400 KB
LONGEST_NOTE = 300  # characters of what an environment says that are kept; its history has it all


class Phase(StrEnum):
    """Where one environment stands."""

    WAITING = "waiting"
    BEGINNING = "beginning"
    UNDER_WAY = "under_way"
    SHIPPED = "shipped"
    PRESENT = "present"
    ROLLED_BACK = "rolled_back"
    HALTED = "halted"
    REFUSED = "refused"
    NOT_BEGUN = "not_begun"
    TURNING = "turning"
    RETURNING = "returning"
    RETURNED = "returned"
    KEPT = "kept"
    LOST = "lost"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")

    @property
    def moving(self) -> bool:
        """Something runs there on behalf of the fleet, or may."""
        return self in (Phase.BEGINNING, Phase.UNDER_WAY, Phase.TURNING, Phase.RETURNING)

    @property
    def good(self) -> bool:
        """The release serves there, as it should."""
        return self in (Phase.SHIPPED, Phase.PRESENT)

    @property
    def bad(self) -> bool:
        """The release did not get there."""
        return self in (Phase.ROLLED_BACK, Phase.HALTED, Phase.REFUSED, Phase.LOST)


class FleetStatus(StrEnum):
    """Where the fleet stands; the last four are final."""

    RUNNING = "running"
    RETREATING = "retreating"
    SHIPPED = "shipped"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled_back"
    HALTED = "halted"

    @property
    def final(self) -> bool:
        return self not in (FleetStatus.RUNNING, FleetStatus.RETREATING)


class Wave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Environments that get the release at once, and how long they are watched after that."""

    environments: tuple[str, ...]
    bake_s: float = 0.0


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One environment of the fleet.

    deployment:   id of its deployment; a name is given before anything begins under it.
    back:         id of the one that brings back what served before.
    until:        nothing begins after that under the name last given, epoch seconds.
    since:        when it came to this phase, epoch seconds.
    silent_since: since when it has not answered; None: it did.
    reason:       why it is where it is, in words.
    """

    environment: str
    phase: Phase = Phase.WAITING
    deployment: str = ""
    back: str = ""
    until: float = 0.0
    since: float = 0.0
    silent_since: float | None = None
    reason: str = ""

    def to(self, phase: Phase, now: float, reason: str = "") -> "Member":
        """The same, in another phase."""
        return replace(self, phase=phase, since=now, reason=reason)


class FleetAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that somebody did to a fleet.

    at:    epoch seconds.
    what:  as of a deployment's acts (deployer.record.acts): `began`, `override-freeze`, `refused`, or the wish.
    note:  why, or what, in words.
    """

    at: float
    what: str
    actor: Actor
    note: str = ""


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of one fleet.

    cursor:       index of the wave that gets the release, or bakes.
    baking_since: since when that wave bakes, epoch seconds; time on hold does not count.
    on_failure:   what becomes of environments that have the release when another fails.
    wait_s:       how long an environment that is taken is waited for.
    paused_at:    since when a person holds it; None: it moves.
    heeded:       id of the last request that was granted or refused.
    override:     why environments begin although a freeze is on there; empty: they wait for its end.
    reason:       why it ended so, or goes back.
    audit:        who did what, oldest first: the first, and the newest of the others.
    version:      fencing: each save raises it.
    """

    id: str
    service: str
    release: str
    waves: tuple[Wave, ...]
    members: tuple[Member, ...]
    status: FleetStatus = FleetStatus.RUNNING
    on_failure: Literal["stop", "rollback"] = "stop"
    wait_s: float = 0.0
    irreversible: bool = False
    override: str = ""
    cursor: int = 0
    baking_since: float | None = None
    started_at: float
    finished_at: float | None = None
    paused_at: float | None = None
    heeded: str = ""
    reason: str = ""
    by: str = ""
    log: tuple[Event, ...] = ()
    audit: tuple[FleetAct, ...] = ()
    version: int = 0

    def __getitem__(self, environment: str) -> Member:
        return next(each for each in self.members if each.environment == environment)

    @property
    def wave(self) -> Wave:
        return self.waves[self.cursor]

    def of(self, wave: Wave) -> Iterator[Member]:
        """A wave's members."""
        return (self[environment] for environment in wave.environments)

    def having(self, *members: Member) -> "Fleet":
        """The same with these members in place of those of the same environment."""
        new = {each.environment: each for each in members}
        return replace(self, members=tuple(new.get(m.environment, m) for m in self.members))

    def noting(self, now: float, kind: str, note: str, **detail: str) -> "Fleet":
        """The same with an event added."""
        return replace(self, log=(*self.log, Event(now, kind, note, detail))[-EVENTS:])


def did(fleet: Fleet, actor: Actor, what: str, at: float, note: str = "") -> Fleet:
    """The record with one act more."""
    short = Actor(
        actor.name[:LONGEST_NOTE], actor.identity[:LONGEST_NOTE], actor.origin[:LONGEST_NOTE]
    )
    acts = (*fleet.audit, FleetAct(at, what, short, note[:LONGEST_NOTE]))
    return replace(fleet, audit=acts if len(acts) <= ACTS else (acts[0], *acts[1 - ACTS :]))


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment answers.

    about:   the deployment that was asked about.
    state:   of that deployment:
             absent: there is none of that name;  running, shipped, rolled_back, halted: as the
             journal has it;  refused: it was not begun, nothing was changed;  present: nothing to
             ship, the release serves there;  busy: another one holds the environment;  stale: the
             name is older than what the journal has: give another;  frozen: a freeze is on, and
             it begins when that ends;  late: the errand came too late;
             silent: no answer.
    note:    why, or where it stands, in words.
    other:   what has come after it in that environment, in words; empty: nothing has.
    ringing: alarms of the environment that ring, and why.
    ailing:  how the release fails its users there, in words; empty: it does not.
    serves, strategy, irreversible: of a check: what serves there now, how a release is shipped
             there, and whether this one says of itself that it cannot go back.
    """

    state: Literal[
        "absent", "running", "shipped", "rolled_back", "halted",
        "refused", "present", "busy", "frozen", "stale", "late", "silent",
    ]  # fmt: skip
    about: str = ""
    note: str = ""
    other: str = ""
    ringing: Mapping[str, str] = {}
    ailing: str = ""
    serves: str = ""
    strategy: str = ""
    irreversible: bool = False


Kind = Literal["check", "look", "begin", "abort", "back"]


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an environment; asked again, it is the same.

    kind:       check: what `begin` would meet;  look: how a deployment stands;  begin: the release,
                as a deployment of that name;  abort: it is to go back;  back: what served before
                `deployment`, as a deployment of the name `back`.
    deployment: the fleet's deployment there.
    back:       the name of the way back; where it is given, that is what is asked about.
    by:         on whose behalf, for people.
    until:      after that nothing is begun, epoch seconds.
    override:   why it begins although a freeze is on; empty: then it does not.
    """

    kind: Kind
    environment: str
    deployment: str = ""
    back: str = ""
    release: str = ""
    by: str = ""
    until: float = 0.0
    irreversible: bool = False
    override: str = ""

    @property
    def about(self) -> str:
        """The deployment that is asked about."""
        return self.back or self.deployment


def require_waves(waves: Sequence[Wave]) -> None:
    """Waves that a fleet can have.

    Raises:
        PlanInvalid: there is none, an empty one, an environment in two places, or too many.
    """
    names = [name for wave in waves for name in wave.environments]
    if not names or not all(wave.environments for wave in waves):
        raise PlanInvalid("a fleet needs waves, and each wave an environment: --wave ENV[,ENV...]")
    if len(names) > MOST_ENVIRONMENTS:
        raise PlanInvalid(
            f"a fleet has {MOST_ENVIRONMENTS} environments at most, not {len(names)}: make it two, one "
            "after the other"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanInvalid(f"{', '.join(twice)}: an environment is in one wave, and once")


def members_of(waves: Sequence[Wave], now: float) -> tuple[Member, ...]:
    """Everybody, before anything has happened."""
    names = (name for wave in waves for name in wave.environments)
    return tuple(Member(environment=name, since=now) for name in names)


def encode(fleet: Fleet) -> bytes:
    """The record as JSON."""
    return msgspec.json.encode(fleet)


def decode(record: bytes) -> Fleet:
    """The record read back.

    Raises:
        PlanInvalid: written by an incompatible version of the deployer.
    """
    try:
        return msgspec.json.decode(record, type=Fleet)
    except msgspec.DecodeError as error:
        raise PlanInvalid(
            f"the fleet's record cannot be read by this version of the deployer ({error}): use the "
            "version that wrote it"
        ) from error

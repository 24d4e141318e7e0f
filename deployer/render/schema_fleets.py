"""The same of fleets: one release for many environments."""

from msgspec import Struct

from deployer.render.schema import Json, Time


class FleetPlan(Struct):
    """`deployer fleet`, before anything happens.

    at:      when
    fleet:   null
    event:   `fleet_plan`
    release: that is to be shipped
    waves:   `bake_s` and `environments`: `environment`, `state`, `note`, `serves`, `strategy`
    """

    at: Time
    fleet: None
    event: str
    release: str
    waves: list[Json]


class Fleet(Struct):
    """`status`, `history` and `show` with `--fleet`.

    at:           when it was read
    fleet:        its id
    event:        `fleet`
    release:      that is shipped
    status:       `running`, `retreating`, `shipped`, `stopped`, `rolled_back`, `halted`
    stands:       in words
    reason:       why it ended so
    by:           who began it
    on_failure:   `stop` or `rollback`
    started_at:   when
    finished_at:  when; null: it is under way
    paused:       it begins nothing more
    wave:         number of the wave, from 1
    bake_ends_at: when; null: it does not bake
    possible:     commands that make sense now
    audit:        who did what: `at`, `what`, `by`, `identity`, `origin`, `note`
    waves:        `bake_s` and `environments`: `environment`, `phase`, `reason`, `deployment`, `back`, `since`
    """

    at: Time
    fleet: str
    event: str
    release: str
    status: str
    stands: str
    reason: str
    by: str
    on_failure: str
    started_at: Time
    finished_at: Time | None
    paused: bool
    wave: int
    bake_ends_at: Time | None
    possible: list[str]
    audit: list[Json]
    waves: list[Json]


class FleetEvent(Struct):
    """What happens to a fleet.

    at:    when
    fleet: its id
    event: what
    note:  in words
    """

    at: Time
    fleet: str
    event: str
    note: str


class FleetMember(FleetEvent):
    """An environment of a fleet has come to something new.

    at:          when
    fleet:       its id
    event:       `fleet_member`
    note:        in words
    environment: which
    phase:       that it is in now: `waiting`, `beginning`, `under_way`, `shipped`, `present`, `rolled_back`, `halted`, `refused`, `not_begun`, `turning`, `returning`, `returned`, `kept`, `lost`
    """

    environment: str
    phase: str

"""The same of what looks after environments: supervisors, debts, freezes, teardown."""

from msgspec import Struct

from deployer.render.schema import Json, Record, Time


class Visit(Struct):
    """`deployer supervise`, whenever a visit came to something new.

    at:         when
    deployment: that was met; null: none
    event:      `visit`
    state:      `free`, `attended`, `ours`, `ended`, `settled`, `expired`, `stuck`
    problem:    why it could not be carried on; null: nothing
    late_s:     seconds that the visit came after the lease had run out
    record:     as `deployment`
    """

    at: Time
    deployment: str | None
    event: str
    state: str
    problem: str | None
    late_s: float
    record: Record | None


class Windows(Struct):
    """`deployer windows`; for each environment.

    at:          the moment that was asked about
    deployment:  null
    event:       `windows`
    environment: which
    time_zone:   whose clock on the wall counts
    freeze:      the one that is on: `why`, and `until` (null: no end in sight); null: none is
    changes:     the next ones: `at`, `frozen` from then on, `why`
    """

    at: Time
    deployment: None
    event: str
    environment: str
    time_zone: str
    freeze: Json | None
    changes: list[Json]


class Settle(Struct):
    """`deployer settle`.

    at:         when
    deployment: whose debt it was; null: none
    event:      `settle`
    outcome:    `given`, `nothing`, `early`, `hindered`, `busy`
    owed:       what is still owed, as of records
    note:       in words
    """

    at: Time
    deployment: str | None
    event: str
    outcome: str
    owed: Json | None
    note: str


class Sweep(Struct):
    """`deployer teardown --idle`; twice if something was done.

    at:           when
    deployment:   null
    event:        `sweep`
    dry:          nothing is done
    excess:       why too many would go at once; null: not too many
    strangers:    what nobody knows
    environments: each with `environment`, `why`, `because`, `idle`, `move`, `level`, `due_at`, `done`, `ending`, `problem`
    """

    at: Time
    deployment: None
    event: str
    dry: bool
    excess: str | None
    strangers: list[str]
    environments: list[Json]


class Deletion(Struct):
    """`deployer teardown --level delete`, before anything happens.

    at:          when
    deployment:  null
    event:       `deletion`
    environment: that goes
    stacks:      names, in the order in which they go
    restore:     how to have it back, a line each
    """

    at: Time
    deployment: None
    event: str
    environment: str
    stacks: list[str]
    restore: list[str]


class Stack(Struct):
    """A stack is being deleted, is gone, or could not be deleted.

    at:         when
    deployment: null
    event:      `stack`
    stack:      its name
    id:         its ARN
    status:     CloudFormation's
    """

    at: Time
    deployment: None
    event: str
    stack: str
    id: str
    status: str

"""What `--output json` says, as types: docs/json.md is made of them, and tests hold every document to them.

A class is an event; its docstring says when it comes and what each key means. Keys keep their meaning
and their type; new ones may come, and are written here in the same commit. Programs ignore keys and
events that they do not know.
"""

from typing import Any

from msgspec import Struct

Time = str
"""RFC 3339 in UTC, to the millisecond."""
Json = dict[str, Any]


class Happened(Struct):
    """Something happened to a deployment, or is waited for.

    at:         when
    deployment: its id
    event:      what
    note:       in words
    status:     of the deployment: `running`, `retreating`, `shipped`, `rolled_back`, `halted`
    step:       number of the step, from 1
    steps:      how many there are
    release:    that is shipped
    weights:    percent by slot; null while nothing was ever released, or the cloud was not read
    group:      `users` with a rule of their own, and the `slot` that it leads to; null: none
    healthy:    instances by slot; null: not read
    desired:    instances by slot; null: not read
    detail:     the numbers behind it: of a bake its verdict and counts (docs/cli.md, Events)
    """

    at: Time
    deployment: str
    event: str
    note: str
    status: str
    step: int
    steps: int
    release: str
    weights: dict[str, float] | None
    group: Json | None
    healthy: dict[str, int] | None
    desired: dict[str, int] | None
    detail: Json


class Step(Struct):
    """A step of a plan."""

    number: int
    kind: str
    goal: str
    deadline_s: float


class PlanBody(Struct, kw_only=True):
    """A plan, whole."""

    strategy: str
    release: str
    candidate: str
    stable: str | None
    previous: str | None
    capacity: int
    analysed: bool
    irreversible: bool
    fingerprint: str
    expected_s: float
    latest_s: float
    steps: list[Step]
    group: str | None
    judged: Json | None
    ramp: bool
    notes: list[str]
    outlook: Json | None = None


class Plan(PlanBody):
    """What will happen, before anything does.

    at:           when it was made
    deployment:   its id; null: it is only shown (`--dry-run`)
    event:        `plan`
    strategy:     `canary`, `blue-green`, `rolling`, `first`, `rollback`, `sleep`, `wake`, `retire`, `delete`
    release:      that is shipped
    candidate:    the slot that gets it
    stable:       the slot that serves; null: none does
    previous:     the release that serves; null: none, or unknown
    capacity:     instances for all of the traffic
    analysed:     it is judged by what it serves
    irreversible: the release cannot go back
    fingerprint:  of the plan: what is resumed is this one
    expected_s:   seconds of judging until full traffic
    latest_s:     seconds until full traffic, at most
    steps:        `number`, `kind`, `goal`, `deadline_s`
    group:        the users who come first; null: nobody does
    judged:       by what, and how strictly (docs/cli.md); null: it is not compared
    ramp:         its shares are found on the way
    notes:        what people should know beforehand, a sentence each
    outlook:      what it is expected to come to and to cost (docs/cli.md, Outlooks); null: nobody has looked
    """

    at: Time
    deployment: str | None
    event: str


class Objection(Struct):
    """A reason not to begin.

    at:         when
    deployment: null
    event:      `objection`
    code:       which: docs/cli.md has all of them
    note:       in words
    """

    at: Time
    deployment: None
    event: str
    code: str
    note: str


class Record(Struct, kw_only=True):
    """A deployment of the journal: `history`, `show`, `report`; `active` and `last` of `status`.

    at:             when it was read
    deployment:     its id
    event:          `deployment`
    environment:    of the settings
    strategy:       as of a plan
    release:        that it shipped
    previous:       the release before; null: none, or unknown
    status:         as of events; `unreadable`: of another version (then only `reason` comes besides)
    step:           number of the step that it is at
    steps:          how many there are
    started_at:     when it began
    finished_at:    when it ended; null: it runs
    by:             who began it
    paused_at:      since when it is paused; null: it is not
    paused_by:      who paused it
    approval_until: until when it waits for approval; null: it does not
    reason:         why it ended so; null: nothing is to be said
    owed:           what it has still to give back: `what`, `sticky_s`, `off_since`, `due_at`, `due`
    cost:           `expected` and `actual` (docs/cli.md, Outlooks); null, or not there: of `status`
    link:           where its page is; null: nowhere; not there: of all but `report` and `show`
    """

    at: Time
    deployment: str
    event: str
    environment: str
    strategy: str
    release: str
    previous: str | None
    status: str
    step: int
    steps: int
    started_at: Time
    finished_at: Time | None
    by: str
    paused_at: Time | None
    paused_by: str | None
    approval_until: Time | None
    reason: str | None
    owed: Json | None
    cost: Json | None = None
    link: str | None = None


class WholeRecord(Record, kw_only=True):
    """The same of `show` and `report --json`, whole.

    plan:     that it began with, as `plan`
    way_back: the plan that leads back, as `plan`; null: it took none
    log:      everything that happened: `at`, `event`, `note`, `detail`
    audit:    who did what: `at`, `what`, `by`, `identity`, `origin`, `weights`, `note`
    evidence: minute by minute (docs/cli.md, Records); null: it was not held to any
    link:     where its page is; null: nowhere
    """

    plan: PlanBody
    way_back: PlanBody | None
    log: list[Json]
    audit: list[Json]
    evidence: Json | None
    link: str | None


class Slot(Struct):
    """One slot."""

    releases: list[str]
    boots: str | None
    healthy: int
    desired: int
    min: int
    max: int
    draining: int
    instances: list[Json]


class Status(Struct):
    """`deployer status`; of several environments one for each.

    at:           when it was read
    deployment:   the id of the one in progress; null: none is
    event:        `status`
    service:      of the settings
    environment:  of the settings
    url:          where users arrive
    weights:      percent by slot; null: nothing was ever released
    group:        as of events
    asleep:       `since` when, and the `slots` that waking puts back; null: it is awake
    slots:        by name: `releases`, `boots`, `healthy`, `desired`, `min`, `max`, `draining`, `instances`
    active:       the deployment in progress, with `lease_owner`, `lease_expires_at`, `lease_alive`, `detached`, `judged_until`, `opinion`, `possible`
    last:         the newest that has ended; null: none, or one is in progress
    owed:         what is still to be given back
    next_command: what a person has to run now; null: nothing is asked of anybody
    freeze:       the one that is on: `why`, and `until` (null: no end in sight); null: none is
    """

    at: Time
    deployment: str | None
    event: str
    service: str
    environment: str
    url: str
    weights: dict[str, float] | None
    group: Json | None
    asleep: Json | None
    slots: dict[str, Slot]
    active: Json | None
    last: Record | None
    owed: Json | None
    next_command: str | None
    freeze: Json | None = None


class Unseen(Struct):
    """An environment that did not answer, where `status` or `history` is of several.

    at:          when
    deployment:  null
    event:       `unseen`
    environment: which
    reason:      why
    """

    at: Time
    deployment: None
    event: str
    environment: str
    reason: str


class Result(Struct):
    """How the command ended: its last line.

    at:         when
    deployment: that it was about; null: none
    event:      `result`
    status:     the deployment's, or `ok`, `planned`, `asked`, `blocked`, `unfit`, `error`, `interrupted`
    release:    of the deployment
    reason:     in one line; null: nothing is to be said
    exit_code:  the exit status
    owed:       as of records
    """

    at: Time
    deployment: str | None
    event: str
    status: str
    release: str | None
    reason: str | None
    exit_code: int
    owed: Json | None

"""The same of what is no deployment: visits, sweeps, fleets, checks, advice, files."""

from collections.abc import Mapping

from msgspec import Struct

from deployer.render import schema
from deployer.render.schema import Json, Time

STEPS = (
    "waiting", "change", "step_done", "unavailable", "unshown", "unkept", "unpublished", "unsent",
    "retreat", "blame", "halted", "restored", "asked", "refused", "freeze",
)  # fmt: skip
"""Events of a deployment, all with the same keys."""
OF_FLEETS = ("started", "wave", "member", "bake", "asked", "refused", "failed", "ended")


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
    record: schema.Record | None


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


class Finding(Struct):
    """`deployer verify`: one row.

    event: `finding`
    at:    when
    check: which
    level: `ok`, `warning`, `unknown`, `problem`
    where: it was found
    what:  is so
    why:   it matters
    todo:  lines; commands begin with `aws ` or end in one
    bites: the template's updates that would
    """

    event: str
    at: Time
    check: str
    level: str
    where: str
    what: str
    why: str
    todo: list[str]
    bites: list[str]


class Written(Struct):
    """`deployer init`: what was written.

    event:       `settings`
    at:          when
    path:        of the file
    environment: in it
    unknown:     what a person must still say
    """

    event: str
    at: Time
    path: str
    environment: str
    unknown: list[str]


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
    waves: list[Json]


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


class FleetEvent(Struct):
    """What happens to a fleet; of a member also `environment` and `phase`.

    at:    when
    fleet: its id
    event: what
    note:  in words
    """

    at: Time
    fleet: str
    event: str
    note: str


class Published(Struct):
    """`deployer publish`.

    at:         when
    deployment: null
    event:      `published`
    release:    its name
    uri:        where it lies
    sha256:     of what lies there
    new:        it was put there just now
    """

    at: Time
    deployment: None
    event: str
    release: str
    uri: str
    sha256: str
    new: bool


class Replay(Struct):
    """`deployer replay`.

    at:                          when
    deployment:                  that is played again; null: the recording does not say
    event:                       `replay`
    service:                     null: the recording does not say; so are the five below
    environment:                 it was in
    strategy:                    it was
    release:                     that was shipped
    previous:                    the release before
    status:                      how it ended
    first_minute:                of the recording
    minutes:                     for which everything is followed
    recorded_minutes:            in the recording
    served_minutes:              with traffic on the candidate
    bad_requests:                beyond stable's, as it was
    bad_requests_at_all_traffic: had it had all of the traffic
    draws:                       how often each was played
    policies:                    of each system what it would have done (docs/cli.md)
    assumed:                     a sentence each
    """

    at: Time
    deployment: str | None
    event: str
    service: str | None
    environment: str | None
    strategy: str | None
    release: str | None
    previous: str | None
    status: str | None
    first_minute: Time
    minutes: int
    recorded_minutes: int
    served_minutes: int
    bad_requests: float
    bad_requests_at_all_traffic: float
    draws: int
    policies: list[Json]
    assumed: list[str]


class Advice(Struct):
    """`deployer recommend`.

    at:         when
    deployment: null
    event:      `advice`
    place:      what it is for
    strategy:   that is advised
    care:       how much is at stake
    evidence:   what there is to judge by
    answers:    `question`, `answer`, `source`, `note`
    settings:   `key`, `value`, `now`, `because`, `rule`
    changes:    what would change the advice: `question`, `answer`, `strategy`, `settings`
    notes:      a sentence each
    path:       of the file that was written; null: none was
    """

    at: Time
    deployment: None
    event: str
    place: str
    strategy: str
    care: str
    evidence: str
    answers: list[Json]
    settings: list[Json]
    changes: list[Json]
    notes: list[str]
    path: str | None


class Script(Struct):
    """`deployer completion`.

    at:         when
    deployment: null
    event:      `script`
    shell:      for which
    text:       of it
    """

    at: Time
    deployment: None
    event: str
    shell: str
    text: str


class Dashboard(Struct):
    """`deployer dashboard`.

    at:    when
    event: `dashboard`
    url:   to open, with its token
    """

    at: Time
    event: str
    url: str


class Cost(Struct):
    """`deployer cost`: one for each strategy.

    at:         when
    deployment: null
    event:      `cost`
    strategy:   of the plan: `first` where nothing serves
    release:    that it is about; null: there is no plan
    steps:      how many the plan has; null: there is none
    refused:    why there is no plan; null: there is one
    outlook:    what it is expected to come to and to cost (docs/cli.md, Outlooks); null: there is no plan
    """

    at: schema.Time
    deployment: None
    event: str
    strategy: str
    release: str | None
    steps: int | None
    refused: str | None
    outlook: schema.Json | None


EVENTS: Mapping[str, type[Struct]] = {
    "plan": schema.Plan, "objection": schema.Objection, **dict.fromkeys(STEPS, schema.Happened),
    "status": schema.Status, "unseen": schema.Unseen, "deployment": schema.Record,
    "windows": Windows, "visit": Visit, "settle": Settle, "sweep": Sweep, "deletion": Deletion, "stack": Stack,
    "finding": Finding, "settings": Written, "fleet_plan": FleetPlan, "fleet": Fleet,
    **{f"fleet_{kind}": FleetEvent for kind in OF_FLEETS}, "published": Published,
    "replay": Replay, "advice": Advice, "script": Script, "dashboard": Dashboard, "cost": Cost,
    "result": schema.Result,
}  # fmt: skip
"""Every event, in the order of the page."""

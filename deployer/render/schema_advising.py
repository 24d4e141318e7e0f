"""The same of what is worked out: advice, outlooks, a past deployment under other rules."""

from msgspec import Struct

from deployer.render.schema import Json, Time


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

    at: Time
    deployment: None
    event: str
    strategy: str
    release: str | None
    steps: int | None
    refused: str | None
    outlook: Json | None


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

"""[teardown] and [sweep]: which environments go to sleep or away by themselves, and when.

An environment is torn down only if it says `ephemeral = true`; its resources are tagged so, and the
role that tears down can touch no others (stacks/teardown.py, docs/teardown.md).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from deployer.settings.kinds import DAY_S, Count, Seconds, within
from deployer.settings.stacks import YES_OR_NO, Emails

Level = Annotated[
    Literal["retire", "sleep", "delete"], Meta(description='"retire", "sleep" or "delete"')
]
Quiet = Annotated[
    int, Meta(ge=0, le=1_000_000_000, description="a whole number of requests, 0 or more")
]
Window = Annotated[
    Seconds, within(60, DAY_S, "whole minutes from 1m to 24h, such as 1h", whole=True)
]
# Two at least: one quiet hour is a lunch break.
Windows = Annotated[int, Meta(ge=2, le=168, description="a whole number of windows from 2 to 168")]
Grace = Annotated[Seconds, within(0, 90 * DAY_S, "a duration from 0s to 90d, such as 24h")]
Notice = Annotated[Seconds, within(300, 14 * DAY_S, "a duration from 5m to 14d, such as 4h")]
Life = Annotated[Seconds, within(0, 366 * DAY_S, "a duration up to 366d, or 0s for no end")]
Every = Annotated[
    Seconds, within(300, DAY_S, "whole minutes from 5m to 24h, such as 1h", whole=True)
]
DryRuns = Annotated[int, Meta(ge=0, le=1000, description="a whole number of runs from 0 to 1000")]
MomentOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$",
        description='a moment such as 2026-12-24T18:00Z or 2026-12-24T19:00+01:00, or ""',
    ),
]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"({'|'.join(DAYS)})"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
OfficeHours = Annotated[
    str,
    Meta(
        pattern=rf"^({_DAY}(-{_DAY})? {_TIME}-({_TIME}|24:00))?$",
        description='days and hours such as "mon-fri 08:00-19:00", or "" for none',
    ),
]
ZoneName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$",
        description='a time zone of the IANA database such as "Europe/Berlin", or "UTC"',
    ),
]


class TeardownSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[teardown]: when an ephemeral environment is idle, and what becomes of it.

    ephemeral:     it is tagged so, and may be torn down; never together with `protected`.
    level:         what becomes of an idle one. `retire`: the slot without traffic loses its instances;
                   `sleep`: both do, and a page says how to wake it; `delete`: its stacks go.
    expired_level: what becomes of one whose time is over.
    requests:      so many requests in a window, without those answered 4xx, are still no use.
    window_s:      how long a window is.
    windows:       so many quiet ones in a row, the last ones, make it idle.
    grace_s:       an environment made, updated, deployed to or woken since is in use.
    notice_s:      from the notification to the act.
    ttl_s:         its time is over so long after it was made; 0: never.
    expires_at:    its time is over then.
    office_hours:  nothing is torn down then, in `time_zone`.
    """

    ephemeral: Annotated[bool, YES_OR_NO] = False
    level: Level = "sleep"
    expired_level: Level = "sleep"
    requests: Quiet = 20
    window_s: Window = field(name="window", default=Seconds(3600))
    windows: Windows = 6
    grace_s: Grace = field(name="grace", default=Seconds(DAY_S))
    notice_s: Notice = field(name="notice", default=Seconds(4 * 3600))
    ttl_s: Life = field(name="ttl", default=Seconds(0))
    expires_at: MomentOrNone = ""
    office_hours: OfficeHours = "mon-fri 08:00-19:00"
    time_zone: ZoneName = "UTC"


class SweepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[sweep]: the scheduled runs that look for idle environments; one stack for all of a Region.

    enabled:  the teardown stack is built, where an environment is ephemeral.
    every_s:  how often.
    most:     a run that would mark or tear down more of them than this does nothing at all.
    dry_runs: so many first runs only tell what they would do.
    emails:   told what is about to happen, after they have confirmed.
    """

    enabled: Annotated[bool, YES_OR_NO] = True
    every_s: Every = field(name="every", default=Seconds(3600))
    most: Count = 5
    dry_runs: DryRuns = 3
    emails: Emails = ()

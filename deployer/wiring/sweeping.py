"""Where sweeps meet AWS: all environments of deployer.toml in one Region, and what is remembered there.

The only module beside `wiring` and `tearing` that knows both sides; imported by the function and the
command that sweep.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from deployer.aws.session import Aws
from deployer.aws.sweeping import settled
from deployer.aws.sweeping.book import SweepBook
from deployer.aws.sweeping.notices import JournalNotices
from deployer.aws.sweeping.scan import CloudScan
from deployer.aws.sweeping.settled import Sweeps
from deployer.aws.sweeping.telling import OneShots, Topic
from deployer.errors import NotFound
from deployer.operations.idle.hours import OfficeHours
from deployer.operations.idle.judge import Rules
from deployer.operations.idle.ports import Span
from deployer.operations.idle.sweep import AGAIN_S, Sweep
from deployer.process import identity
from deployer.process.zones import Zones
from deployer.settings.reading import environments, load
from deployer.settings.schema import Settings
from deployer.wiring import endpoint
from deployer.wiring import services as wiring
from deployer.wiring.tearing import Environments

LEASE_S = 330.0  # longer than the function may run: who holds it may be dead, never still at work
NAME = "sweep"
NOWHERE = Sweeps(
    version=1, table="", topic="", schedules="", schedule_role="", function="", dead_letters=""
)

Connect = Callable[[Settings], wiring.Services]


def settings_of(path: Path, region: str, names: Collection[str] = ()) -> dict[str, Settings]:
    """Settings of the environments that the stacks make in the Region, by name.

    names: only these; empty: all.

    Raises:
        NotFound, SettingsInvalid: as `load`.
    """
    every = [load(path, name) for name in environments(path)]
    return {
        each.environment.name: each
        for each in every
        if each.existing is None
        and each.environment.region == region
        and (not names or each.environment.name in names)
    }


def clients(settings: Settings | None) -> Aws:
    """Clients of the Region that these settings are of.

    Raises:
        NotFound: there are none.
        AccessProblem, SettingsInvalid: as `wiring.connect`.
    """
    if settings is None:
        raise NotFound("deployer.toml has no environment here that the stacks make")
    endpoint.require_endpoint(os.environ)
    return endpoint.clients(settings.environment.region, endpoint.chosen_clock(os.environ))


def look_of(known: Mapping[str, Settings], aws: Aws) -> Sweep:
    """One that only looks: it needs no teardown stack, since it remembers nothing."""
    return assembled(known, aws, NOWHERE, wiring.connect)


def sweep_of(known: Mapping[str, Settings], aws: Aws, connect: Connect = wiring.connect) -> Sweep:
    """One sweep over these environments, all in the Region of `aws`.

    Raises:
        NotFound: there is none, or the teardown stack is not deployed.
        CloudUnavailable, AccessProblem: as the adapters.
    """
    first = next(iter(known.values()), None)
    if first is None:
        raise NotFound(f"deployer.toml has no environment of the stacks' in {aws.region}")
    found = settled.read(aws, first.service.name, first.environment.region)
    return assembled(known, aws, found, connect)


def assembled(known: Mapping[str, Settings], aws: Aws, found: Sweeps, connect: Connect) -> Sweep:
    """The same, of what the teardown stack has published."""
    first = next(iter(known.values()))
    service, clock = first.service.name, endpoint.chosen_clock(os.environ)
    scan = CloudScan(aws, service, clock)
    return Sweep(
        service=service,
        rules={name: rules_of(each) for name, each in known.items()},
        scan=scan,
        notices=JournalNotices(aws, service, clock, scan.table_of),
        acts=Environments(known.__getitem__, AGAIN_S, connect=connect),
        book=SweepBook(aws, found.table, clock),
        people=Topic(aws, found.topic),
        reminders=OneShots(
            aws, clock, found.schedules, found.function, found.schedule_role, found.dead_letters
        ),
        calendar=Zones(),
        clock=clock,
        owner=f"{NAME} #{identity.tag()}",
        lease_s=LEASE_S,
        every_s=float(first.sweep.every_s),
        most=first.sweep.most,
        new_id=identity.tag,
    )


def rules_of(settings: Settings) -> Rules:
    """[teardown] of one environment, as sweeps judge by it: plain numbers."""
    teardown = settings.teardown
    return Rules(
        level=teardown.level,
        expired_level=teardown.expired_level,
        requests=teardown.requests,
        span=Span(int(teardown.window_s), teardown.windows),
        grace_s=float(teardown.grace_s),
        notice_s=float(teardown.notice_s),
        ttl_s=float(teardown.ttl_s),
        hours=OfficeHours.parse(teardown.office_hours),
        zone=teardown.time_zone,
        ephemeral=teardown.ephemeral,
    )

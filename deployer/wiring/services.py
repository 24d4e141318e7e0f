"""Where adapters meet the engine: settings and the environment in, everything a command needs out.

The only module that knows both sides. It is imported by the commands that talk to AWS, never for
`--help`.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from deployer.aws import account, hook_runs, preflight, price_list
from deployer.aws.alarms import CloudWatchAlarms
from deployer.aws.artifacts import Artifacts
from deployer.aws.board import CloudWatchBoard
from deployer.aws.calls import COUNTED
from deployer.aws.dynamodb import DynamoJournal
from deployer.aws.environment import AwsCloud
from deployer.aws.hooks import BackgroundHooks
from deployer.aws.pages import S3Pages
from deployer.aws.probe import HttpProbe
from deployer.aws.published import Published
from deployer.aws.recordings import DynamoRecordings
from deployer.aws.session import Aws
from deployer.aws.state_machine import StateMachine
from deployer.channels.chosen import outbox_of
from deployer.engine.loop import Runner, Tell
from deployer.engine.marks import NOWHERE, Board, Showing
from deployer.freezes import NO_FREEZES, Freezes
from deployer.hooks import NO_HOOKS, HookAction, Hooks
from deployer.intent import Intent
from deployer.journal import Ask, Journal, Lease, Request
from deployer.model import Release, Snapshot
from deployer.operations import detached
from deployer.operations.detached import NO_MACHINE, Machine, Ticking
from deployer.operations.expiry import Expiry
from deployer.operations.freezing import warned
from deployer.operations.looking_back import UNKEPT, Archive, Keeping, Recordings
from deployer.operations.notices import Place
from deployer.operations.notifying import SILENT, Notifying, Outbox
from deployer.operations.pages import (
    UNPUBLISHED,
    Pages,
    Publishing,
    Within,
    linked,
    unhurried,
)
from deployer.operations.prospects import Costs, with_outlook
from deployer.operations.rest.reach import Reach
from deployer.operations.supervisor import Policy, Supervisor
from deployer.plan import Plan
from deployer.planning.preflight import Surroundings
from deployer.ports import (
    NO_VISITORS,
    UNHEARD,
    UNRECORDED,
    Alarms,
    Clock,
    Cloud,
    History,
    Metrics,
    Prober,
    Visitors,
)
from deployer.process import heap, identity
from deployer.process.clock import ScaledClock
from deployer.record.acts import Actor
from deployer.settings import artifacts, freezing
from deployer.settings.schema import Settings
from deployer.sources.measured import measured
from deployer.sources.visitors import OwnVisitors
from deployer.wiring.endpoint import chosen_clock, clients, require_endpoint


@dataclass(frozen=True, slots=True)
class Services:
    """One environment, ready for use.

    scale:        how many times faster than the wall's the clock runs.
    owner:        holds leases: different for every process.
    caller:       who asks, for people.
    freezes:      times in which nothing begins.
    who:          somebody of that name, with what AWS and the surroundings tell of this process.
    on_interrupt: what a signal means to a deployment that this process carries out.
    takeover:     what the supervisor makes of a deployment whose runner is gone.
    reach:        what tearing down needs besides; None: `tearing.reach` makes it.
    machine:      carries detached deployments.
    lacking:      why a hook could not be begun here; empty: nothing is known against it.
    outbox:       who is told of deployments: the environment's topic (or the one that DEPLOYER_REPORTS
                  names), and the channels of [notify].
    history:      what the slots served before, by zone.
    visitors:     the tool's own, who come beside users while a candidate is compared.
    recordings:   the minutes of past deployments, as far as they are kept.
    pages:        reports of ended deployments, where people find them.
    within:       how long there is for making and uploading one.
    costs:        what its instances are and cost, for estimates.
    sticks_s:     how long users are to stay with a release, in seconds: for a rule that is made; 0: not.
    """

    service: str
    environment: str
    url: str
    cloud: Cloud
    metrics: Metrics
    prober: Prober
    journal: Journal
    clock: Clock
    find_release: Callable[[str], Release]
    poll_s: float
    lease_s: float
    owner: str
    caller: str
    scale: float = 1.0
    alarms: Alarms = UNHEARD
    history: History = UNRECORDED
    visitors: Visitors = NO_VISITORS
    recordings: Recordings = UNKEPT
    look_around: Callable[[], Surroundings] = Surroundings
    on_interrupt: Literal["pause", "rollback", "hand-over"] = "pause"
    hooks: Hooks = NO_HOOKS
    sticks_s: int = 0
    lacking: Callable[[HookAction], str] = lambda _: ""
    takeover: Policy = "resume"
    board: Board = NOWHERE
    outbox: Outbox = SILENT
    pages: Pages = UNPUBLISHED
    within: Within = unhurried
    reach: Reach | None = None
    machine: Machine = NO_MACHINE
    freezes: Freezes = NO_FREEZES
    who: Callable[[str], Actor] = Actor
    costs: Costs = field(default_factory=Costs)

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit."""
        return self.who(self.caller)

    def request(self, ask: Ask, why: str = "") -> Request:
        """A new wish of whoever asks; `why`: in spite of a freeze."""
        return identity.request(ask, self.caller, self.actor, why)

    @property
    def place(self) -> Place:
        """For those who are told."""
        return Place(self.service, self.environment, partial(linked, self.pages))

    @property
    def archive(self) -> Archive:
        """The minutes of past deployments."""
        return Archive(self.service, self.recordings, self.metrics)

    def foreseen(
        self, plan: Plan, seen: Snapshot, *, thorough: bool = False, per_min: float | None = None
    ) -> Plan:
        """The plan, which was made from `seen`, with what it is expected to come to. It raises nothing."""
        expected = with_outlook(self, plan, seen, thorough=thorough, per_min=per_min)
        return warned(self.freezes, expected, self.clock.now())

    def lease(self) -> Lease:
        """Ours, from now on."""
        return Lease(self.owner, self.clock.now() + self.lease_s)

    def runner(self, clock: Clock, tell: Tell) -> Runner:
        """The engine over these ports; `clock` may end its sleep early."""
        heap.settle()
        return Runner(
            cloud=self.cloud,
            metrics=self.metrics,
            prober=self.prober,
            journal=self.journal,
            clock=clock,
            owner=self.owner,
            poll_s=self.poll_s,
            lease_s=self.lease_s,
            tell=Notifying(self.outbox, Showing(self.board, self.afterwards(tell))),
            alarms=self.alarms,
            hooks=self.hooks,
            history=self.history,
            visitors=self.visitors,
            actor=self.actor,
            freezes=self.freezes,
            calls=COUNTED.take,
        )

    def afterwards(self, tell: Tell) -> Tell:
        """`tell`, and what is kept once a deployment has ended: its minutes, and its report."""
        from deployer.render.report.page import page  # noqa: PLC0415  only who runs one draws one

        kept = Keeping(self.archive, tell)
        return Publishing(self.archive, self.pages, page, kept, self.within)

    def supervisor(
        self,
        every_s: float,
        clock: Clock,
        tell: Tell,
        stay_s: float = math.inf,
        expiring: Intent | None = None,
    ) -> Supervisor:
        """One visit's; what it leaves behind outlasts the pause until the next one, though one be late.

        every_s:  seconds between two visits.
        clock:    may end its sleep early, as a runner's.
        expiring: the settings' intent, where idle slots are to be emptied once their window is over.
        stay_s:   how long the visit may last. On a machine as long as a hook does: nothing ends a
                  process there, and while it stays it renews the lease.
        """
        by = f"{SUPERVISOR} ({self.caller})"
        expiry = expiring and Expiry(
            self, max(expiring.window_s, expiring.linger_s), every_s, expiring,
            identity.deployment_id, by,
        )  # fmt: skip
        return Supervisor(
            environment=self.environment,
            journal=self.journal,
            clock=clock,
            runner=replace(
                self.runner(clock, tell),
                owner=f"{SUPERVISOR} #{identity.tag()}",
                actor=self.who(by),
            ),
            stay_s=stay_s,
            rest_s=max(self.lease_s, 2 * every_s + VISIT_S),
            policy=self.takeover,
            request=lambda ask: identity.request(ask, by, self.who(by)),
            lacking=self.lacking,
            expire=expiry.begin if expiry else lambda _: None,
        )

    def ticking(
        self, clock: Clock, tell: Tell, stay_s: float, chance: Callable[[], float]
    ) -> Ticking:
        """One tick of a detached deployment; its lease outlasts a visit, and the rest after it."""
        visitor = f"{detached.NAME} #{identity.tag()}"
        lease_s = max(self.lease_s, detached.LATE_S)
        runner = replace(
            self.runner(clock, tell),
            owner=visitor,
            lease_s=lease_s,
            actor=self.who(f"{detached.NAME} ({self.caller})"),
        )
        return Ticking(self.environment, self.journal, clock, runner, stay_s, chance)

    def for_the_machine(self) -> "Services":
        """The same, beginning a deployment that the state machine is to carry out."""
        visitor = f"{detached.NAME} #{identity.tag()}"
        return replace(self, owner=visitor, lease_s=max(self.lease_s, detached.LATE_S))


SUPERVISOR = "supervisor"
VISITS_S = 15.0  # of the tool's own visitors, until the next ones come
VISIT_S = 45.0  # a visit without a hook; what waits for one renews its lease


def connect(
    settings: Settings, environ: Mapping[str, str] = os.environ, aws: Aws | None = None
) -> Services:
    """Everything over AWS, or over the lab if `environ` points there.

    aws: clients made before, of the settings' Region: a warm function need not make them again.

    Raises:
        NotFound: the stacks are not deployed.
        AccessProblem: no credentials, or those of another account; wrong Region or endpoint.
        CloudUnavailable: no answer.
        SettingsInvalid: as `chosen_clock`.
    """
    require_endpoint(environ)
    clock = chosen_clock(environ)
    service, environment = settings.service.name, settings.environment
    scale = clock.scale if isinstance(clock, ScaledClock) else 1.0
    there = settings.existing is None
    aws = aws or clients(environment.region, clock)
    found = account.find(aws, service, environment) if there else account.named(aws, settings)
    cloud = AwsCloud(aws, found, service, environment.name, clock)
    cloudwatch, metrics = measured(aws, found, settings, cloud, environ=environ, clock=clock)
    prober = HttpProbe(found.test_url, settings.probe.path, settings.probe.timeout_s, clock)
    pages = pages_of(aws, found, settings)
    return Services(
        service=service,
        environment=environment.name,
        url=found.url,
        cloud=cloud,
        metrics=metrics,
        history=cloudwatch,
        recordings=DynamoRecordings(aws, found.journal_table, service, clock),
        prober=prober,
        visitors=OwnVisitors(replace(prober, total_s=VISITS_S), clock, VISITS_S / scale),
        journal=DynamoJournal(aws, found.journal_table, service, clock),
        clock=clock,
        find_release=Artifacts(
            aws,
            lambda name: artifacts.resolve(settings, name, found.artifact_bucket),
            settings.release.image or None,
        ).resolve,
        poll_s=float(settings.journal.poll_s),
        lease_s=float(settings.journal.lease_s),
        owner=identity.owner(environ),
        caller=identity.caller(environ),
        on_interrupt=settings.journal.on_interrupt,
        takeover=settings.journal.takeover,
        sticks_s=int(environment.stickiness_s),
        scale=scale,
        board=CloudWatchBoard(aws, service, environment.name, clock)
        if settings.monitoring.own_metrics
        else NOWHERE,
        outbox=outbox_of(aws, found, settings, pages, environ=environ, clock=clock),
        pages=pages,
        lacking=lambda action: hook_runs.lacking(action, environ),
        hooks=BackgroundHooks(aws, service, environment.name, scale, environ),
        alarms=CloudWatchAlarms(
            aws, clock, strict=settings.analysis.alarms_without_data == "ringing"
        ),
        look_around=lambda: preflight.read(aws, found, service, environment.name),
        freezes=freezing.calendar(settings.windows),
        who=lambda name: Actor(name, aws.arn, identity.origin(environ)),
        costs=price_list.costs(aws, settings),
        machine=StateMachine(
            aws,
            service,
            environment.name,
            made=settings.runner.enabled and there,
        ),
    )


def pages_of(aws: Aws, found: Published, settings: Settings) -> Pages:
    """Where reports are uploaded to: the environment's bucket, if it has one and they are wanted."""
    wanted = settings.monitoring.upload_reports and found.artifact_bucket
    return S3Pages(aws, found.artifact_bucket, settings.service.name) if wanted else UNPUBLISHED

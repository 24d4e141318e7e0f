"""What the settings, flags included, say about shipping a release: settings -> Intent.

A strategy that judges by what was before looks at that first, through the ports: what it finds is
fixed in the intent, and everything here but that look is pure.
"""

from collections.abc import Iterator
from typing import Literal

from deployer.amount import Amount
from deployer.analysis.judge import Rule
from deployer.cohort import Cohort
from deployer.durations import percent
from deployer.intent import Intent, Limits, Roll
from deployer.model import WHOLE, Release, Snapshot
from deployer.operations import beginning, usual
from deployer.operations.beginning import Ground, Meant
from deployer.operations.usual import Past
from deployer.settings.placeholders import UNKNOWN
from deployer.settings.schema import Settings
from deployer.settings.stacks import FleetSettings
from deployer.settings.terms import terms_of, wish_of

Kind = Literal["canary", "blue-green", "rolling", "rollback"]
NOTHING_KNOWN = Past()


def meant(
    ground: Ground, settings: Settings, seen: Snapshot, release: Release, kind: Kind
) -> Meant:
    """The intent, with what was usual before on the slot that serves, for strategies that judge by it.

    Raises:
        CloudUnavailable: the metrics do not answer: better to begin when they do.
    """
    if kind == "rolling":
        return Meant(beginning.remembering(ground, seen, intent_of(settings, release, kind)))
    if kind != "canary":
        return Meant(intent_of(settings, release, kind))
    past = usual.past(ground, seen, wish_of(settings.analysis))
    return Meant(intent_of(settings, release, kind, past), tuple(notes(settings, past)))


def notes(settings: Settings, past: Past) -> Iterator[str]:
    """What people should know of how a canary is judged, that its plan does not show."""
    if not settings.canary.weights and not past.enough:
        stops = ", ".join(percent(share) for share in settings.canary.stops)
        yield (
            f"No ramp: it needs {usual.ENOUGH_MIN} minutes of traffic in the last day to be planned "
            f"by, and there are {past.minutes}; fixed steps instead: {stops}."
        )
    for name in (each.name for each in settings.analysis.metrics):
        why = past.untold.get(name, "")
        if not why and past.enough and name not in past.bases:
            why = "nothing was counted in the last day, so a name in its query may be wrong"
        if why and not why.startswith(UNKNOWN):
            yield f"{name}: {why}. While it is unknown, no release is called good."


def intent_of(
    settings: Settings, release: Release, kind: Kind, past: Past = NOTHING_KNOWN
) -> Intent:
    """What the settings, flags included, say about shipping `release` in this way; `past` is a canary's."""
    canary, analysis, probe = settings.canary, settings.analysis, settings.probe
    blue_green = settings.blue_green
    return Intent(  # plain numbers: the journal's codec does not know the settings' own kinds
        release=release,
        weights=tuple(int(share) for share in canary.stops),
        bake_s=float(canary.bake_s),
        final_bake_s=float(blue_green.bake_s if kind == "blue-green" else canary.final_bake_s),
        cohort=Cohort.parse(canary.group) if canary.group and kind == "canary" else None,
        group_bake_s=float(canary.group_bake_s),
        linger_s=float(canary.linger_s),
        capacity=canary.capacity if kind == "canary" else "full",
        hold_back=int(canary.held) if kind == "canary" else 0,
        hold_back_s=float(canary.held_s),
        approve=stops_for_approval(settings, kind),
        approve_s=float(canary.approve_within_s),
        window_s=float(blue_green.window_s),
        standby=blue_green.standby,
        size=settings.environment.instances,
        floor=settings.environment.instances if scales(settings.fleet) else 0,
        probe_requests=probe.requests,
        probe_allowed_failures=probe.allowed_failures,
        rule=Rule(min_requests=analysis.min_requests, tolerance=analysis.tolerance / 1000),
        delay_s=float(analysis.metrics_delay_s),
        inconclusive="abort" if analysis.inconclusive == "auto" else analysis.inconclusive,
        alarms=analysis.alarms,
        sticky_wait_s=float(settings.environment.stickiness_wait_s),
        hooks=settings.hooks.actions(),
        limits=Limits(
            provision_s=float(settings.provision.deadline_s),
            probe_s=float(probe.deadline_s),
            route_s=float(canary.route_deadline_s),
            retire_s=float(canary.retire_deadline_s),
        ),
        roll=roll_of(settings),
        terms=terms_of(analysis, past) if kind == "canary" else None,
        auto=kind == "canary" and not canary.weights and past.enough,
    )


def expiring(settings: Settings) -> Intent | None:
    """The intent under which idle slots are emptied; None: [runner] says that they are not."""
    if not settings.runner.expire_idle:
        return None
    return intent_of(settings, Release("", ""), "rollback")


def scales(fleet: FleetSettings) -> bool:
    """Whether the groups have scaling policies: nobody else makes a group smaller by itself."""
    return bool(fleet.scale_on_cpu or fleet.scale_on_requests)


def roll_of(settings: Settings) -> Roll:
    """How a rolling deployment moves; what the slot served before is not known from settings."""
    rolling = settings.rolling
    return Roll(
        max_unavailable=Amount.parse(rolling.max_unavailable),
        surge=Amount.parse(rolling.surge),
        soak_s=float(rolling.bake_s),
        until=Amount.parse(rolling.until) if rolling.until else None,
    )


def stops_for_approval(settings: Settings, kind: Kind) -> tuple[int, ...]:
    """Shares, per mille, after whose bake a person must approve; a way back asks nobody."""
    if kind == "blue-green":
        return (WHOLE,) if settings.blue_green.approve else ()
    return tuple(map(int, settings.canary.approve)) if kind == "canary" else ()

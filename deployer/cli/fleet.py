"""`deployer fleet RELEASE`: one release over many environments, a wave at a time."""

from collections.abc import Mapping, Sequence
from typing import Literal

import click

from deployer.cli import offering
from deployer.cli.ending import Ending
from deployer.cli.fleets import Desk, desk_of
from deployer.cli.params import Duration, irreversible_option, override_freeze_option
from deployer.durations import seconds
from deployer.errors import CloudUnavailable, DeployError, NotPossibleNow, SettingsInvalid
from deployer.operations.fleet import Errand, Fleet, Sight, Wave, did, members_of, require_waves
from deployer.operations.fleet_round import Mandate
from deployer.operations.freezing import OVERRIDE
from deployer.operations.notifying import UNSENT
from deployer.process.identity import deployment_id
from deployer.record.acts import BEGAN, OVERRODE, Actor
from deployer.render.fleet import waves_document, waves_text
from deployer.settings.waves import place_objections


@click.command(short_help="Ship RELEASE to many environments, a wave at a time.")
@click.argument("release", shell_complete=offering.releases)
@click.option(
    "--wave", "waves", multiple=True, metavar="ENV[,ENV...]",
    help="Environments that get the release at once; repeat it for the wave after that.  "
    "[default: waves.order of deployer.toml]",
)  # fmt: skip
@click.option(
    "--bake", type=Duration(), multiple=True,
    help="How long a wave is watched before the next begins; repeat it for the bake after that, the "
    "last one holds for the rest.  [default: waves.bake, 1h, 12h, 2h]",
)  # fmt: skip
@click.option(
    "--rollback-on-failure/--keep-on-failure", "back", default=None,
    help="What becomes of environments that have the release when another fails.  "
    "[default: waves.on_failure, keep]",
)  # fmt: skip
@click.option(
    "--wait-for-lock", "wait", type=Duration(),
    help="How long to wait for an environment that another deployment holds, when its wave has come.  "
    "[default: waves.wait, 1h]",
)  # fmt: skip
@irreversible_option
@override_freeze_option
@click.option("--dry-run", is_flag=True, help="Show the waves and what objects, and stop there.")
@click.option("--watch", is_flag=True, help="Follow it to its end; Ctrl-C ends only the watching.")
@click.pass_context
def fleet(
    ctx: click.Context,
    *,
    release: str,
    waves: tuple[str, ...],
    bake: tuple[str, ...],
    back: bool | None,
    wait: str | None,
    irreversible: bool,
    override_freeze: str,
    dry_run: bool,
    watch: bool,
) -> Ending:
    """Ship RELEASE to many environments, a wave at a time.

    In each environment it is shipped as that environment's settings say (`deployer
    deploy`), by a state machine in the cloud: no terminal need stay open. The next wave
    begins when every environment of the one before has shipped, and that has been
    watched for its bake: no alarm (analysis.alarms) rang, no more requests failed than
    its deployment would have accepted, nothing else was shipped there, nobody took it
    back. Environments that serve RELEASE already are left as they are, so that a fleet
    that has stopped can be begun again.

    When a deployment fails, an alarm rings, or users are failed, nothing more begins,
    and what is under way is asked to go back. What has shipped stays, or goes back too with
    --rollback-on-failure: only what this fleet has shipped, and only where nothing has
    come after it.

    An environment in which a freeze is on ([windows]) waits for its end, with the waves
    after it; in the first wave nothing begins in a freeze unless --override-freeze.
    Every environment is asked beforehand, and if anything objects in any of them,
    nothing begins. One fleet of a service is under way at a time. `deployer status`,
    `history`, `pause`, `resume`, `promote` (ends the bake) and `abort` mean it with
    --fleet; one of its deployments is steered with --env as any other.

    \b
    Exit status: 0 under way (with --watch: shipped everywhere), 1 an environment
                 does not answer, 2 refused (nothing was changed), 5 another
                 fleet is under way; with --watch: 3 stopped or rolled back,
                 4 an environment halted (needs a person).
    Example:     deployer fleet v42 --wave prod-box --wave prod-eu,prod-us \\
                     --bake 1h --rollback-on-failure
    """  # noqa: D301  \b is for click
    desk = desk_of(ctx)
    wanted = chosen_waves(desk, waves, bake)
    keep = desk.settings.on_failure if back is None else "stop"
    policy: Literal["stop", "rollback"] = "rollback" if back else keep
    checks = checked(desk, release, wanted, override_freeze)
    documents = [waves_document(release, wanted, checks, desk.now())]
    page = waves_text(release, wanted, checks, desk.regions, policy)
    desk.output.page(lambda _: page, documents)
    if dry_run:
        return Ending("planned")
    refuse(release, checks, irreversible=irreversible)
    refuse_frozen(wanted[0], checks)
    now, formation = desk.now(), desk.formation
    made = Fleet(
        id=deployment_id(now), service=formation.service, release=release, waves=wanted,
        members=members_of(wanted, now), on_failure=policy, started_at=now, by=formation.caller,
        wait_s=seconds(wait) if wait else float(desk.settings.wait_s),
        irreversible=any(each.irreversible for each in checks.values()),
        override=override_freeze,
    ).noting(now, "started", f"fleet of {release} by {formation.caller}")  # fmt: skip
    begun = formation.book.begin(_signed(made, formation.actor))
    _started(desk, begun)
    for trouble in formation.tell(begun):
        desk.output.note(f"{UNSENT}: {trouble}")
    if watch:
        return desk.follow(begun)
    words = f"fleet {begun.id} is under way: `deployer status --fleet --watch` follows it"
    return Ending("asked", 0, words)


def _signed(made: Fleet, actor: Actor) -> Fleet:
    """With who begins it, and overrides a freeze."""
    signed = did(made, actor, BEGAN, made.started_at)
    return did(signed, actor, OVERRODE, made.started_at, made.override) if made.override else signed


def _started(desk: Desk, begun: Fleet) -> None:
    """Somebody visits it from now on.

    Raises:
        DeployError: nobody may; says what to do.
    """
    try:
        desk.formation.start(Mandate(fleet=begun.id))
    except DeployError as error:
        raise type(error)(
            f"fleet {begun.id} is recorded, and its state machine did not take it: {error}; nothing was "
            "changed yet: `deployer resume --fleet` has it begin, and after that `deployer abort "
            "--fleet` ends it"
        ) from error


def chosen_waves(desk: Desk, waves: Sequence[str], bakes: Sequence[str]) -> tuple[Wave, ...]:
    """Those that were typed, or those of the settings, each with its bake.

    Raises:
        PlanInvalid: they make no fleet.
        SettingsInvalid: an environment that no fleet can have.
    """
    order = [_names(wave) for wave in waves] or desk.settings.order
    times = [seconds(each) for each in bakes] or [float(each) for each in desk.settings.bake_s]
    found = tuple(
        Wave(tuple(names), times[min(number, len(times) - 1)]) for number, names in enumerate(order)
    )
    require_waves(found)
    names = [name for wave in found for name in wave.environments]
    for objection in place_objections(names, desk.environments):
        raise SettingsInvalid(f"--wave: environments must be {objection.allowed}")
    return found


def _names(wave: str) -> tuple[str, ...]:
    return tuple(name for name in (each.strip() for each in wave.split(",")) if name)


def checked(desk: Desk, release: str, waves: Sequence[Wave], override: str) -> Mapping[str, Sight]:
    """What each environment would meet.

    Raises:
        CloudUnavailable: one does not answer.
    """
    names = [name for wave in waves for name in wave.environments]
    found = desk.formation.members.send(
        [
            Errand(kind="check", environment=name, release=release, override=override)
            for name in names
        ]
    )
    silent = [f"{name}: {found[name].note}" for name in names if found[name].state == "silent"]
    if silent:
        raise CloudUnavailable(f"not every environment answers, nothing was changed: {silent[0]}")
    return found


def refuse(release: str, checks: Mapping[str, Sight], *, irreversible: bool) -> None:
    """Nothing begins where anything objects anywhere; who is taken is waited for.

    Raises:
        NotPossibleNow: says where, and what.
    """
    objecting = [f"{name}: {each.note}" for name, each in checks.items() if each.state == "refused"]
    if objecting:
        raise NotPossibleNow(f"not begun, nothing was changed: {'; '.join(objecting)}")
    if all(each.state == "present" for each in checks.values()):
        raise NotPossibleNow(f"{release} serves in all of them already: there is nothing to ship")
    if any(each.irreversible for each in checks.values()) and not irreversible:
        raise NotPossibleNow(
            f"{release} says of itself that it cannot go back (rollback-safe: false): once users "
            "reach it, nothing goes back by itself; if that is fine, add --irreversible"
        )


def refuse_frozen(first: Wave, checks: Mapping[str, Sight]) -> None:
    """A fleet does not begin with waiting; its later waves may come to a freeze, and wait there.

    Raises:
        NotPossibleNow: a freeze is on in an environment of the first wave.
    """
    frozen = [name for name in first.environments if checks[name].state == "frozen"]
    if frozen:
        raise NotPossibleNow(
            f"not begun, nothing was changed: a freeze is on in {frozen[0]}: {checks[frozen[0]].note}; "
            f'begin then, or say why not: {OVERRIDE} "why"'
        )

"""What the user wants of a deployment, as settings and flags say it: data of the plan."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from deployer.amount import Amount
from deployer.analysis.judge import Rule, Tally
from deployer.analysis.terms import Terms
from deployer.cohort import Cohort
from deployer.hooks import HookAction, HookPoint
from deployer.model import Release


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines of the steps whose length the cloud decides, in seconds."""

    provision_s: float = 600.0
    probe_s: float = 120.0
    route_s: float = 120.0
    retire_s: float = 900.0


class Roll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a rolling deployment moves through the live group.

    max_unavailable: so many instances fewer than the group has may be healthy; a share rounds down.
    surge:           so many more may be launched, so that capacity never falls; it rounds up.
    soak_s:          how long the slot is judged after each stage.
    until:           it pauses once so many are replaced; None: it goes through.
    before:          what the live slot served before it began; None: unknown.
    """

    max_unavailable: Amount = Amount(0)
    surge: Amount = Amount(share=250)
    soak_s: float = 60.0
    until: Amount | None = None
    before: Tally | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user wants, as settings and flags say it; strategies compile it into steps.

    weights:      per mille to the candidate on the way to all of it; strictly rising.
    bake_s:       at each of these weights; `final_bake_s` at 100 %, with the old slot still warm.
    cohort:       the user group that the candidate serves before anybody else; None: there is none.
    group_bake_s: how long the candidate is judged while it serves that group alone.
    linger_s:     how long a slot without traffic is waited for to fall silent, at most.
    capacity:     what the candidate gets: all that the live slot has (`full`), or what each share
                  needs and a margin (`matched`).
    hold_back:    per mille that stay with the old release for `hold_back_s`, to be compared with
                  the new one, before that gets all of the traffic; 0: none.
    approve:      shares, among `weights` or 1000, after whose bake a person must approve; 0: after
                  the user group's.
    approve_s:    how long approval is waited for; then the deployment goes back.
    window_s:     blue/green: how long the old slot stays warm, so that going back is one change.
    standby:      blue/green: instances that the old slot keeps after that.
    delay_s:      CloudWatch minutes younger than this are not read.
    patience_s:   how much longer than its bake an inconclusive verdict is waited for.
    inconclusive: what becomes of it then, where `rule` judges: it goes on, waits for a person
                  (`approve_s`), or goes back; where `terms` judge, they say it.
    alarms:       CloudWatch alarms none of which may ring while the candidate is judged.
    sticky_wait_s: how long the deployment, once it has ended, keeps its environment at most until
                  a rule that stuck may stick again (deployer.planning.stickiness).
    hooks:        what the service's owners have run on the way.
    size:         instances of the very first release; later ones take the live size.
    floor:        minimum of the group that serves in the end; 0: whatever it has.
    roll:         rolling: batches, and what they are judged by.
    terms:        canary: what the candidate is held to beside the stable slot; None: to `rule` alone.
    auto:         canary: the share grows as the evidence allows; `weights` are not used.
    """

    release: Release
    weights: tuple[int, ...] = (50, 250, 500)
    bake_s: float = 600.0
    final_bake_s: float = 300.0
    cohort: Cohort | None = None
    group_bake_s: float = 600.0
    linger_s: float = 600.0
    capacity: Literal["full", "matched"] = "full"
    hold_back: int = 0
    hold_back_s: float = 3_600.0
    approve: tuple[int, ...] = ()
    approve_s: float = 86_400.0
    window_s: float = 3_600.0
    standby: int = 0
    size: int = 2
    floor: int = 0
    probe_requests: int = 20
    probe_allowed_failures: int = 0
    rule: Rule = Rule()
    delay_s: float = 120.0
    patience_s: float = 900.0
    inconclusive: Literal["promote", "hold", "abort"] = "abort"
    alarms: tuple[str, ...] = ()
    sticky_wait_s: float = 600.0
    hooks: Mapping[HookPoint, HookAction] = {}
    limits: Limits = Limits()
    roll: Roll = Roll()
    terms: Terms | None = None
    auto: bool = False

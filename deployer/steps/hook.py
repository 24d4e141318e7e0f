"""Hook: something of the service's owners has run, before the deployment goes on."""

import msgspec

from deployer.durations import spell
from deployer.errors import HookFailed
from deployer.hooks import About, HookAction, HookPoint, HookReport, RunHook
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.soak import Soak

SLACK_S = 60.0  # from the hook's own deadline until its end is known


class Hook(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The hook has run successfully once.

    slot:      that it is about.
    essential: its failure fails the deployment; else it is told, and the deployment goes on.
    nth:       which run of this point in the deployment it is, as part of its key.
    watch:     the bake or soak to come, or the one before: while the hook runs, and while somebody
               has paused it here, the candidate is under judgement.

    Each run has the whole deadline: the engine enters the step anew when a run begins.

    Raises:
        HookFailed: it failed, or did not end in time.
        CandidateUnhealthy, VerdictFailed: as Bake and Soak.
    """

    point: HookPoint
    action: HookAction
    slot: Slot
    deadline_s: float
    essential: bool = True
    nth: int = 1
    watch: Bake | Soak | None = None

    def describe(self) -> str:
        lenient = "" if self.essential else "; goes on if that fails"
        return f"hook {self.point} (within {spell(self.action.deadline_s)}): {self.action}{lenient}"

    def advance(self, world: World) -> Progress:
        run = self._run(world)
        report = world.hooks.report(run.key)
        if report is None:
            return Act(run)
        if report.state == "running":
            return self._running(world)
        if report.state == "failed":
            return self._failed(report)
        return Done("succeeded", evidence_of(report))

    def key_in(self, about: About) -> str:
        """The key of its runs in that deployment."""
        number = f"/{self.nth}" if self.nth > 1 else ""
        return f"{about.deployment}/{self.point}{number}"

    def _run(self, world: World) -> RunHook:
        return RunHook(
            key=self.key_in(world.about),
            point=self.point,
            action=self.action,
            about=world.about,
            slot=self.slot,
        )

    def _running(self, world: World) -> Progress:
        if world.elapsed_s > self.deadline_s:
            return self._failed(HookReport("failed", "it did not end at its deadline"))
        meanwhile = f"; meanwhile: {self.watch.require_good(world).reason}" if self.watch else ""
        return Waiting(f"running{meanwhile}")

    def _failed(self, report: HookReport) -> Progress:
        if self.essential:
            words = f"the hook {self.point} failed: {report.reason}"
            raise HookFailed(words, evidence_of(report))
        told = {**evidence_of(report), "hook": "failed"}
        return Done(f"failed, and that stops nothing: {report.reason}", told)


def evidence_of(report: HookReport) -> dict[str, object]:
    """The hook's output, for the record."""
    return {"output": report.output} if report.output else {}

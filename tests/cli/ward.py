"""A simulated environment that may be torn down: its stacks, its users, and who wants to keep it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from deployer.model import Slot, Snapshot
from deployer.operations.idle.ports import Notice, Standing
from deployer.operations.rest.deletion import FAILED, GONE, ORDER, Stack
from deployer.operations.rest.rails import Use
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.cli.stage import Stage

EPHEMERAL = """
[environments.sim.teardown]
ephemeral = true
"""

EPHEMERAL_TAGS = frozenset({("deployer:env-class", "ephemeral")})


@dataclass
class SimStacks:
    """Stacks that go at once, but for those that `hold` something."""

    there: list[str] = field(default_factory=lambda: list(ORDER[2:]))
    hold: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, Sequence[str]] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    untagged: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def look(self) -> Sequence[Stack]:
        return [self._stack(part) for part in ORDER if part in self.there]

    def _stack(self, part: str) -> Stack:
        name = f"shop-sim-{part}"
        status = FAILED if part in self.hold and part in self.asked else "UPDATE_COMPLETE"
        tags = frozenset() if part in self.untagged else EPHEMERAL_TAGS
        return Stack(part, name, f"arn:{name}", status, part in self.protected, tags)

    def status(self, stack: Stack) -> str:
        if stack.part in self.hold:
            return FAILED
        return "UPDATE_COMPLETE" if stack.part in self.there else GONE

    def delete(self, stack: Stack) -> None:
        self.asked.append(stack.part)
        if stack.part not in self.hold:
            self.there.remove(stack.part)

    def full(self, stack: Stack) -> Sequence[str]:
        return self.buckets.get(stack.part, ())

    def failures(self, stack: Stack) -> Sequence[str]:
        return (self.hold[stack.part],)


@dataclass
class SimNotices:
    """Nobody has given notice; extensions are kept."""

    until: float = 0.0

    def extend(self, environment: str, until: float) -> Standing:
        self.until = max(self.until, until)
        return Standing(None, self.until)

    def read(self, environment: str) -> Standing:
        return Standing(None, self.until)

    def give(self, environment: str, notice: Notice, instead: str = "") -> bool:
        raise AssertionError("no command gives notice")

    def told(self, environment: str, notice_id: str) -> bool:
        raise AssertionError("no command gives notice")

    def begin(self, environment: str, notice_id: str) -> bool:
        raise AssertionError("no command gives notice")

    def withdraw(self, environment: str, notice_id: str) -> None:
        raise AssertionError("no command gives notice")


@dataclass
class SimReach:
    """What AWS would say of labels, users and stacks."""

    requests: float | None = 0.0
    labelled: bool = True
    stacks: SimStacks = field(default_factory=SimStacks)
    notices: SimNotices = field(default_factory=SimNotices)

    def tagged(self) -> bool:
        return self.labelled

    def use(self, seen: Snapshot) -> Use | None:
        return None if seen.asleep else Use(self.requests, 20, 3600.0)


@dataclass
class Ward(Stage):
    """A stage whose environment is ephemeral."""

    reach: SimReach = field(default_factory=SimReach)

    def connect(self, settings: Settings) -> Services:
        return replace(super().connect(settings), reach=self.reach)

    @property
    def sizes(self) -> dict[str, int]:
        return {slot.value: len(self.play.cloud.groups[slot].instances) for slot in Slot}

"""The real adapter `AwsCloud`, through botocore, on a simulated environment of any size."""

from dataclasses import dataclass, field, replace

from deployer.aws.environment import AwsCloud
from deployer.aws.pacing import Pacing
from deployer.aws.session import Aws
from deployer.changes import Change
from deployer.intent import Intent
from deployer.model import Slot, Snapshot
from deployer.plan import Deployment
from deployer.planning.strategies import STRATEGIES
from tests.rolling.stage import USUAL
from tests.rolling.stage import intent as rolling
from tests.sim.faults import Gate
from tests.sim.oracles import Oracle
from tests.sim.play import INTENT, Play, play
from tests.sim.wire import PUBLISHED, Wire

INTENTS = {
    "canary": INTENT,
    "blue-green": INTENT,
    "rolling": rolling(surge="25%", before=USUAL),
}


@dataclass
class RealCloud:
    """The port `Cloud`, counted and judged like the simulator's own."""

    real: AwsCloud
    gate: Gate
    oracle: Oracle
    changes: list[Change] = field(default_factory=list)

    def observe(self) -> Snapshot:
        return self.gate.through("cloud.observe", self.real.observe)

    def apply(self, change: Change) -> None:
        self.gate.through("cloud.apply", lambda: self._apply(change))

    def _apply(self, change: Change) -> None:
        self.oracle.before(change, "real")
        self.changes.append(change)
        self.real.apply(change)


@dataclass
class Fleet:
    """An environment of `size` instances, what was asked of AWS, and of the ports."""

    sim: Play
    wire: Wire
    cloud: RealCloud

    def ship(self, strategy: str, intent: Intent) -> Deployment:
        runner = replace(self.sim.runner("real"), cloud=self.cloud)
        opened = self.sim.open(runner, intent, STRATEGIES[strategy], "d1")
        return runner.run(opened)


def fleet(size: int, *, groups_a_page: int = 2, metrics_delay_s: float = 60.0) -> Fleet:
    """v1 serves with `size` instances."""
    sim = play(size=size, metrics_delay_s=metrics_delay_s)
    for slot in Slot:
        sim.cloud.groups[slot].max_size = 2 * size
    wire = Wire(sim.cloud, groups_a_page)
    aws = Aws("us-east-1", Pacing(sim.clock))
    wire.attach(aws)
    cloud = AwsCloud(aws, PUBLISHED, "shop", "sim", sim.clock)
    return Fleet(sim, wire, RealCloud(cloud, sim.gate, sim.oracle))

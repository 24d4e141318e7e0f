"""A plan with its outlook: what is read for it, and that nothing which fails stops a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered

import pytest
from msgspec.structs import replace

from deployer.analysis.judge import Tally
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.intent import Roll
from deployer.model import Minute, Slot, Snapshot
from deployer.operations.expected import expected_end
from deployer.operations.prices import UNASKED, PriceList, kinds, of_kind, price, tabled
from deployer.operations.prospects import TAKEN_BOOT_S, Costs, boots_s, one_load, with_outlook
from deployer.plan import Deployment, Event, Plan
from deployer.planning import strategies
from deployer.record.outlook import Price
from tests.sim.clock import SimClock
from tests.sim.faults import Gate
from tests.sim.journal import SimJournal
from tests.sim.play import INTENT, play


@dataclass
class Counted:
    """A source of metrics: so many requests of each slot in every minute; it may refuse."""

    requests: Mapping[Slot, int | None]
    broken: Exception | None = None
    asked: int = 0

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        starts = range(int(since // 60 + 1), int(until // 60))
        return {s: [Minute(60.0 * n, count) for n in starts] for s, count in self.requests.items()}


@dataclass
class Bench:
    """What an outlook is read from."""

    metrics: Counted = field(default_factory=lambda: Counted({Slot.BLUE: 900, Slot.GREEN: None}))
    costs: Costs = field(default_factory=lambda: Costs("us-east-1", "t3.micro"))
    clock: SimClock = field(default_factory=SimClock)
    poll_s: float = 5.0
    environment: str = "sim"

    def __post_init__(self) -> None:
        self.journal = SimJournal(Gate(self.clock))

    def foreseen(self, plan: Plan, seen: Snapshot, *, thorough: bool = False) -> Plan:
        return with_outlook(self, plan, seen, thorough=thorough)


@dataclass
class Listed:
    """A price list; `usd` None: it does not know the type."""

    usd: float | None = 0.02
    refused: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def hourly(self, kind: str) -> float | None:
        self.asked.append(kind)
        if self.refused is not None:
            raise self.refused
        return self.usd


def there() -> tuple[Snapshot, Plan]:
    seen = play().runner("reader").cloud.observe()
    return seen, strategies.blue_green(seen, INTENT)


def test_load_is_read_where_the_plan_does_not_know_it() -> None:
    bench, (seen, plan) = Bench(), there()
    found = bench.foreseen(plan, seen).outlook
    assert found is not None
    assert (found.assumed.requests_per_min, bench.metrics.asked) == (900.0, 1)
    assert found.bad is not None
    assert found.bad.exposed is not None


def test_load_that_the_plan_knows_is_not_read_again() -> None:
    bench, (seen, _) = Bench(), there()
    terms = Terms(Limits(), {}, 0.2, 700.0)
    canary = strategies.canary(seen, replace(INTENT, terms=terms))
    rolling = strategies.rolling(seen, replace(INTENT, roll=Roll(before=Tally(10, 5_000, 0))))
    loads = [bench.foreseen(plan, seen).outlook for plan in (canary, rolling)]
    assert [each.assumed.requests_per_min for each in loads if each] == [700.0, 500.0]
    assert bench.metrics.asked == 0
    assert one_load(bench, (rolling, canary)) == 500.0
    assert one_load(bench, ()) is None
    beside = with_outlook(bench, rolling, seen, per_min=700.0).outlook
    assert beside is not None
    assert beside.assumed.requests_per_min == 700.0


def test_metrics_that_do_not_answer_leave_the_load_unknown() -> None:
    bench, (seen, plan) = Bench(Counted({}, CloudUnavailable("throttled"))), there()
    found = bench.foreseen(plan, seen).outlook
    assert found is not None
    assert found.assumed.requests_per_min is None
    assert found.full_s is not None


@pytest.mark.parametrize("error", [CloudUnavailable("throttled"), RuntimeError("a bug")])
def test_an_estimate_that_fails_stops_no_plan(error: Exception) -> None:
    bench, (seen, plan) = Bench(), there()

    def fail() -> None:
        raise error

    bench.journal.gate.hooks["journal.history"] = fail
    broken = altered(bench.costs, own=Failing(error))
    bench.costs = broken
    found = bench.foreseen(plan, seen)
    assert replace(found, outlook=None) == plan
    assert found.outlook is not None
    assert (found.outlook.full_s, found.outlook.end_s) == (None, None)
    assert "could not be estimated" in found.outlook.why[0]
    assert str(error) in found.outlook.why[0]
    assert expected_end(found, 100.0) is None


class Failing(dict[str, float]):
    """Own prices that cannot be read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def __contains__(self, _key: object) -> bool:
        raise self.error


def test_the_expected_end_is_the_outlooks() -> None:
    bench, (seen, plan) = Bench(), there()
    assert expected_end(plan, 100.0) is None
    found = bench.foreseen(plan, seen)
    assert found.outlook is not None
    assert found.outlook.end_s is not None
    assert expected_end(found, 100.0) == 100.0 + found.outlook.end_s


def test_boots_are_what_provisioning_took_here() -> None:
    def record(*log: tuple[float, str, str]) -> Deployment:
        shipped = play().ship()
        return replace(shipped, log=tuple(Event(*each) for each in log))

    asked = (100.0, "change", "ask green for 4 instances")
    stood = (175.0, "step_done", "provision green: 4 healthy of v2 (within 10m): 4 of 4 healthy")
    gone = (160.0, "retreat", "green: a launch failed")
    emptied = (190.0, "step_done", "retire blue (within 15m): blue is empty")
    assert boots_s([record(asked, stood)]) == (75.0,)
    assert boots_s([record(asked, gone, stood)]) == ()
    assert boots_s([record(stood)]) == ()
    assert boots_s([record(asked, emptied)]) == ()
    bench, (seen, plan) = Bench(), there()
    before = bench.foreseen(plan, seen).outlook
    assert before is not None
    assert (before.assumed.boot_s, before.assumed.measured) == (TAKEN_BOOT_S, False)
    real = play()
    real.ship()
    bench.journal = real.journal
    after = bench.foreseen(plan, seen).outlook
    assert after is not None
    assert after.assumed.measured
    assert 30 <= after.assumed.boot_s <= 60  # 30 s, 10 s until healthy, a look every 10 s


def test_a_way_back_asks_no_metrics() -> None:
    bench, (seen, _) = Bench(Counted({}, RuntimeError("nobody asks"))), there()
    back = strategies.return_to(seen, replace(INTENT, release=replace_name("v0")))
    found = bench.foreseen(back, seen).outlook
    assert found is not None
    assert found.full_s is not None
    assert bench.metrics.asked == 0


def replace_name(name: str) -> object:
    return altered(INTENT.release, name=name)


def test_a_plan_that_ships_nothing_has_no_outlook() -> None:
    bench, (seen, plan) = Bench(), there()
    asleep = replace(plan, strategy="sleep")
    assert bench.foreseen(asleep, seen) is asleep


PRICES: Mapping[str, float | None] = {
    "t3.micro": 0.0104, "t4g.nano": 0.0042, "t3.2xlarge": 0.3328, "m7g.large": 0.0816,
    "m7i.48xlarge": 9.6768, "c7g.16xlarge": 2.32, "r6i.4xlarge": 1.008, "m7i-flex.large": 0.09576,
    "m7g.metal": None, "mac2.metal": None, "t3": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "usd"), PRICES.items())
def test_the_table_knows_families_by_their_size(kind: str, usd: float | None) -> None:
    assert tabled(kind) == (None if usd is None else pytest.approx(usd))


def test_the_settings_price_counts_most_then_the_list_then_the_table() -> None:
    listed = Listed(0.02)
    own = of_kind("t3.micro", "eu-central-1", {"t3.micro": 0.005}, listed)
    assert own == Price(usd=0.005, type="t3.micro", source="[cost] hourly")
    assert listed.asked == []
    asked = of_kind("t3.micro", "eu-central-1", {}, listed)
    assert asked == Price(usd=0.02, type="t3.micro", source="AWS's price list, eu-central-1")
    for unanswered in (UNASKED, Listed(None), Listed(refused=AccessProblem("not allowed"))):
        known = of_kind("t3.micro", "eu-central-1", {}, unanswered)
        assert known is not None
        assert known.usd == 0.0104
        assert known.source.endswith("2026; eu-central-1 differs")
    assert of_kind("x9.huge", "us-east-1", {}) is None


def test_a_mixed_fleet_costs_the_mean_and_one_unknown_type_makes_it_unknown() -> None:
    mixed = price({"t3.micro": 3, "t3.small": 1}, "us-east-1", {})
    assert mixed is not None
    assert mixed.usd == pytest.approx((3 * 0.0104 + 0.0208) / 4)
    assert mixed.type == "t3.micro, t3.small"
    assert price({"t3.micro": 3, "x9.huge": 1}, "us-east-1", {}) is None
    assert price({}, "us-east-1", {}) is None


def test_types_are_those_of_the_instances() -> None:
    seen, _ = there()
    assert kinds(seen, "t3.micro") == {"t3.micro": 1}
    assert kinds(seen, "") == {}
    state = seen.blue
    real = altered(state, instances=tuple(altered(i, kind="m7g.large") for i in state.instances))
    assert kinds(altered(seen, blue=real), "t3.micro") == {"m7g.large": 2}


def test_only_who_has_time_asks_the_price_list() -> None:
    listed = Listed(0.5)
    bench, (seen, plan) = Bench(costs=Costs("us-east-1", "t3.micro", asked=listed)), there()
    quick, thorough = (bench.foreseen(plan, seen, thorough=t).outlook for t in (False, True))
    assert quick is not None
    assert quick.price is not None
    assert quick.price.usd == 0.0104
    assert listed.asked == ["t3.micro"]
    assert thorough is not None
    assert thorough.price is not None
    assert thorough.price.usd == 0.5


def test_without_a_price_there_is_no_sum_and_it_says_what_to_do() -> None:
    bench, (seen, plan) = Bench(costs=Costs("us-east-1", "x9.huge")), there()
    found = bench.foreseen(plan, seen).outlook
    assert found is not None
    assert found.extra_hours is not None
    assert found.usd is None
    assert found.why == ("No price of x9.huge is known: say it in [cost] hourly.",)


def test_a_price_list_is_a_port() -> None:
    port: PriceList = Listed()
    assert port.hourly("t3.micro") == 0.02

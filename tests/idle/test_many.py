"""Two hundred environments: calls grow with pages, by the formula of docs/teardown.md."""

from deployer.aws.session import Aws
from deployer.aws.sweeping.scan import CloudScan
from deployer.operations.idle.ports import Scanned, Span
from tests.contract.conftest import ManualClock
from tests.idle.cloud import NOW, PAGE, PARTS, Region

MANY, OTHERS = 200, 40


def pages(things: int, on_one: int) -> int:
    return -(-things // on_one)


def test_calls_grow_with_pages_not_with_environments(
    aws: Aws, clock: ManualClock, region: Region
) -> None:
    names = [f"many{n:03}" for n in range(MANY)]
    for name in names:
        region.environment(name)
    for n in range(OTHERS):
        for part in PARTS:
            region.stack(f"kept{n}", part, {})
    found: list[Scanned] = []
    scan = CloudScan(aws, "shop", clock)
    counted = region.calls(
        lambda: found.append(scan.read(dict.fromkeys(names, Span(3600, 6)), NOW + 600.0))
    )
    assert len(found[0].facts) == MANY
    assert all(each.tagged and len(each.windows) == 6 for each in found[0].facts.values())
    assert counted == {
        "GetResources": pages(2 * MANY, 100),
        "DescribeStacks": pages(4 * (MANY + OTHERS), PAGE),
        "DescribeAutoScalingGroups": pages(2 * MANY, 100),
        "GetMetricData": pages(3 * MANY, 498),
        "BatchGetItem": pages(2 * MANY, 100),
    }
    assert sum(counted.values()) == 24

"""A thousand detached deployments at once: reads granted and refused, and how long each rests."""

from collections import Counter

from deployer.operations.pace import MINUTE_S
from tests.scale.test_in_flight import Region, busiest_minute, ends, fly, gaps


def main() -> None:
    """Ten, a hundred, a thousand; an hour of bake each."""
    print(
        "in flight | reads | a minute, at most | refused attempts | rest: half, 99 % | late leases"
    )
    for count, apart_s in ((10, 20.0), (100, 10.0), (200, 6.0), (1_000, 6.0)):
        region = Region()
        flights = fly(count, region, apart_s=apart_s, bake_s=3_600.0)
        looked = gaps(flights)
        half, most = looked[len(looked) // 2], looked[len(looked) * 99 // 100]
        ended = Counter(ends(flights))
        print(
            f"{count:9} | {len(region.granted):6} | {busiest_minute(region.granted):4} of "
            f"{MINUTE_S * 10:.0f} | {len(region.refused):6} | {half:.0f} s, {most:.0f} s | "
            f"{sum(f.late for f in flights)} | {dict(ended)}"
        )

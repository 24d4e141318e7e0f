"""What an hour of the fleet's instances costs: as the settings say, else AWS's list, else a table. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from deployer.errors import DeployError
from deployer.model import Snapshot
from deployer.operations.price_table import AS_OF, IN_LARGES, LARGE_USD, REGION
from deployer.record.outlook import Price

_TIMES = re.compile(r"(\d+)xlarge")
OWN = "[cost] hourly"


class PriceList(Protocol):
    """Where prices are asked for."""

    def hourly(self, kind: str) -> float | None:
        """US dollars an hour of one On-Demand Linux instance in the environment's Region; None: unknown.

        Raises:
            CloudUnavailable, AccessProblem: no answer.
        """
        ...


class Unasked:
    """Nobody is asked."""

    def hourly(self, kind: str) -> float | None:  # noqa: ARG002
        return None


UNASKED: Final = Unasked()


def kinds(seen: Snapshot, usual: str) -> Counter[str]:
    """Types of the instances there are, of both slots; `usual` where none is known."""
    known = Counter(i.kind for state in (seen.blue, seen.green) for i in state.instances if i.kind)
    return known or Counter([usual] if usual else [])


def price(
    those: Mapping[str, int], region: str, own: Mapping[str, float], asked: PriceList = UNASKED
) -> Price | None:
    """The mean price of those instances; None: of one of them nobody knows it.

    those:  how many there are, by type.
    region: theirs.
    own:    prices that the settings tell, by type.
    """
    found = {kind: of_kind(kind, region, own, asked) for kind in sorted(those)}
    known = {kind: one for kind, one in found.items() if one is not None}
    if not found or len(known) < len(found):
        return None
    total = sum(those.values())
    return Price(
        usd=sum(known[kind].usd * number for kind, number in those.items()) / total,
        type=", ".join(known), source="; ".join(dict.fromkeys(one.source for one in known.values())),
    )  # fmt: skip


def of_kind(
    kind: str, region: str, own: Mapping[str, float], asked: PriceList = UNASKED
) -> Price | None:
    """The price of one type: what the settings say counts most."""
    if kind in own:
        return Price(usd=own[kind], type=kind, source=OWN)
    try:
        listed = asked.hourly(kind)
    except DeployError:
        listed = None  # it need not be allowed: the table has a price, and says of when
    if listed is not None:
        return Price(usd=listed, type=kind, source=f"AWS's price list, {region}")
    usd = tabled(kind)
    if usd is None:
        return None
    elsewhere = "" if region == REGION else f"; {region} differs"
    return Price(usd=usd, type=kind, source=f"list price of {REGION}, {AS_OF}{elsewhere}")


def tabled(kind: str) -> float | None:
    """US dollars an hour as the package's table has it; None: it does not."""
    family, _, size = kind.partition(".")
    times = _TIMES.fullmatch(size)
    larges = 2.0 * int(times[1]) if times else IN_LARGES.get(size)
    each = LARGE_USD.get(family)
    return None if larges is None or each is None else round(each * larges, 6)


def without(those: Sequence[str]) -> str:
    """What is said where there is no price."""
    if not those:
        return "Nobody knows of which type the instances are, so there is no price."
    return f"No price of {', '.join(those)} is known: say it in [cost] hourly."

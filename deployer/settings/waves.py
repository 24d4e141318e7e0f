"""[waves]: one release over many environments, a wave at a time. One for the file, like [service]."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from deployer.settings.kinds import DAY_S, Seconds, Slug, Wait, within
from deployer.settings.objection import Objection
from deployer.settings.schema import Settings

WaveNames = Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=50)]
Order = Annotated[
    tuple[WaveNames, ...],
    Meta(
        min_length=1,
        max_length=20,
        description='waves of environments such as [["prod-box"], ["prod-eu"], ["prod-us", "prod-ap"]]',
    ),
]
Bakes = Annotated[
    tuple[Seconds, ...],
    within(0, 7 * DAY_S, 'one or more durations from 0s to 7d, such as ["1h", "12h", "2h"]'),
]
RegionOrFirst = Annotated[
    str,
    Meta(
        pattern=r"^([a-z]{2}(-[a-z]+)+-\d)?$",
        description='the name of a Region such as us-east-1, or "" for that of the first environment',
    ),
]


class WavesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[waves]: the way of `deployer fleet`.

    order:      the waves, each of environments that get the release at once.
    bake_s:     how long a wave is watched before the next one begins: after the first, after the
                second, and so on; the last one holds for those that are left.
    on_failure: what becomes of environments that have the release when another fails.
    wait_s:     how long an environment that another deployment holds is waited for.
    region:     where the fleet's function and its book are; empty: where the first environment is.
    """

    order: Order
    bake_s: Bakes = field(name="bake", default=(Seconds(3600), Seconds(12 * 3600), Seconds(7200)))
    on_failure: Annotated[Literal["stop", "rollback"], Meta(description='"stop" or "rollback"')] = (
        "stop"
    )
    wait_s: Wait = field(name="wait", default=Seconds(3600))
    region: RegionOrFirst = ""


def objections(waves: WavesSettings, environments: Mapping[str, Settings]) -> Iterator[Objection]:
    """What contradicts the environments (all of the file's, by name), or itself."""
    names = [name for wave in waves.order for name in wave]
    if not waves.bake_s:
        yield Objection("waves.bake", 'one duration at least, such as ["1h"]')
    if len(set(names)) < len(names):
        yield Objection("waves.order", "different ones: an environment is in one wave, and once")
    yield from place_objections(names, environments)


def place_objections(
    names: Sequence[str], environments: Mapping[str, Settings]
) -> Iterator[Objection]:
    """Environments that no fleet can have, by name."""
    unknown = [name for name in names if name not in environments]
    if unknown:
        known = ", ".join(environments)
        yield Objection("waves.order", f"of the file's own ({known}), not {', '.join(unknown)}")
        return
    chosen = [environments[name] for name in names]
    theirs = [each.environment.name for each in chosen if each.existing is not None]
    if theirs:
        yield Objection(
            "waves.order",
            f"without {', '.join(theirs)}: nothing of the deployer's stands beside it to answer",
        )
    accounts = sorted({each.environment.account for each in chosen})
    if len(accounts) > 1:
        yield Objection(
            "waves.order",
            f"of one account, not of {' and '.join(each or 'the present one' for each in accounts)}: "
            "give each account a fleet of its own, one after the other (--wave)",
        )


def home(waves: WavesSettings, environments: Mapping[str, Settings]) -> str:
    """The Region of the fleet's function, book and state machine."""
    return waves.region or environments[waves.order[0][0]].environment.region

"""Which zone gets the next instance, and whether the zones are out of balance. Pure."""

from collections import Counter

from deployer.lab.autoscaling.model import Group, Subnet


def population(group: Group) -> dict[str, int]:
    """Counted members of each zone, the group's empty ones included."""
    counts = Counter(member.subnet.zone for member in group.active)
    return {**dict.fromkeys(group.zones, 0), **counts}


def next_subnet(group: Group, planned: tuple[Subnet, ...] = ()) -> Subnet:
    """The least populated subnet of the least populated zone; `planned` are counted as well.

    After a failed launch the next zone is tried, as AWS does.
    """
    places = [member.subnet for member in group.active] + list(planned)
    zones = Counter(place.zone for place in places)
    subnets = Counter(place.id for place in places)
    ranked = sorted(group.subnets, key=lambda place: (zones[place.zone], subnets[place.id]))
    return ranked[group.failures % len(ranked)]


def lopsided(group: Group) -> bool:
    """Whether one zone has two counted members more than another, or lies outside the group."""
    counts = population(group)
    if set(counts) - set(group.zones):
        return True
    return max(counts.values()) - min(counts.values()) >= 2


def fullest(group: Group) -> frozenset[str]:
    """The zones that a scale-in takes from first: foreign ones, else the most populated."""
    counts = population(group)
    foreign = frozenset(counts) - frozenset(group.zones)
    most = max(counts.values(), default=0)
    return foreign or frozenset(zone for zone, count in counts.items() if count == most)

"""Who is read next: nobody is forgotten, nobody is asked too often, whatever happens."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deployer.operations.watching import (
    BUSY_S,
    CALM_S,
    GLANCE_S,
    RELIEF_S,
    SPACING_S,
    Reading,
    chosen,
    due_at,
)

NOW = 1_000_000.0
times = st.floats(NOW - 1000, NOW)
readings = st.none() | st.builds(
    Reading,
    begun_at=times,
    going=st.booleans(),
    busy=st.booleans(),
    failures=st.integers(0, 50),
    urgent=st.booleans(),
)


def test_the_table() -> None:
    """As in the module's docstring."""
    for reading, after_s in (
        (Reading(NOW, busy=True), BUSY_S),
        (Reading(NOW), GLANCE_S),
        (Reading(NOW, failures=1), 2 * BUSY_S),
        (Reading(NOW, failures=2, busy=True), 4 * BUSY_S),
        (Reading(NOW, failures=9), RELIEF_S),
        (Reading(NOW, failures=5000), RELIEF_S),
        (Reading(NOW, failures=9, urgent=True), 0.0),
        (Reading(NOW, going=True, urgent=True), float("inf")),
    ):
        assert due_at(reading) == NOW + after_s
    assert due_at(None) <= NOW


@given(st.dictionaries(st.text(max_size=3), readings, max_size=8))
def test_one_that_is_due_is_chosen_and_none_other(last: dict[str, Reading | None]) -> None:
    name, wait_s = chosen(last, NOW)
    due = [each for each in last if due_at(last[each]) <= NOW]
    spaced = all(NOW - each.begun_at >= SPACING_S for each in last.values() if each)
    if name is not None:
        assert name in due
        assert spaced
        assert wait_s == 0.0
        assert due_at(last[name]) == min(map(due_at, last.values()))
    else:
        assert 0.0 < wait_s <= CALM_S
        assert not due or not spaced


@given(st.integers(1, 30), st.integers(0, 30), st.integers(3, 8))
def test_everybody_is_read_again_and_again_within_the_limit(
    many: int, busy: int, turns: int
) -> None:
    """Played out: each reading takes no time; starts are counted."""
    last: dict[str, Reading | None] = {f"e{n}": None for n in range(many)}
    now, starts = NOW, []
    for _ in range(turns * many):
        name, wait_s = chosen(last, now)
        if name is None:
            now += wait_s
            continue
        starts.append((now, name))
        last[name] = Reading(now, busy=int(name[1:]) < busy)
    assert {name for _, name in starts} == set(last)
    gaps = [later - sooner for (sooner, _), (later, _) in pairwise(starts)]
    assert all(gap >= SPACING_S - 1e-6 for gap in gaps)
    longest = max(BUSY_S, GLANCE_S, many * SPACING_S) + SPACING_S
    for name in last:
        own = [at for at, other in starts if other == name]
        assert all(b - a <= longest + 1e-3 for a, b in pairwise(own))

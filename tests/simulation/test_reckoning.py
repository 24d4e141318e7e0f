"""How all batches of a rolling deployment are reckoned from some."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.operations.reckoning import Course, gone_through


def test_a_course_tells_how_far_it_had_come() -> None:
    course = Course(2.0, ((10.0, 1.0), (30.0, 2.0)))
    assert course.reach == 4.0
    points = {0: (0, 0), 1: (5, 0.5), 2: (10, 1), 3: (20, 1.5), 4: (30, 2), 9: (30, 2)}
    assert {at: course.at(at) for at in points} == {
        at: pytest.approx(point) for at, point in points.items()
    }


@settings(max_examples=50)
@given(
    st.integers(1, 30), st.integers(1, 4), st.floats(2.0, 10.0), st.floats(1.0, 900.0),
    st.floats(0.0, 60.0),
)  # fmt: skip
def test_batches_that_all_take_as_long_are_reckoned_exactly(
    batches: int, levels: int, further: float, each_s: float, before_s: float
) -> None:
    """The time before the first one is counted once where some batches were seen one by one."""
    strides = [further**n for n in range(levels)]
    marks = tuple((before_s + each_s * (n + 1), 2 * each_s * (n + 1)) for n in range(batches))
    took, beside = gone_through([Course(stride, marks) for stride in strides])
    total = batches * strides[-1] * each_s
    assert beside == pytest.approx(2 * total)
    slack = 1 + 1e-9
    assert total + before_s <= took * slack
    assert took <= (total + before_s * strides[-1]) * slack

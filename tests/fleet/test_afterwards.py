"""When a release that has shipped fails its users: whoever watches is told."""

import pytest

from deployer.analysis.judge import Rule, Tally
from deployer.operations.afterwards import beyond

RULE = Rule(min_requests=100, min_failures=5, tolerance=0.01)


@pytest.mark.parametrize(
    ("ours", "before", "told"),
    [
        (Tally(10, 1_000, 10), None, False),
        (Tally(10, 1_000, 11), None, True),
        (Tally(10, 20, 4), None, False),  # one unlucky request, or four, condemn nobody
        (Tally(10, 20, 5), None, True),
        (Tally(0, 0, 0), None, False),  # nobody can tell
        (Tally(10, 1_000, 30), Tally(15, 1_500, 30), False),  # rolling: 2 % failed before
        (Tally(10, 1_000, 31), Tally(15, 1_500, 30), True),
        (Tally(10, 1_000, 30), Tally(15, 50, 25), True),  # too little to excuse anything
    ],
)
def test_more_failures_than_its_deployment_would_have_accepted(
    ours: Tally, before: Tally | None, told: bool
) -> None:
    assert bool(beyond(ours, before, RULE)) is told

"""User groups as people write them, and the steps that let them in and out again."""

import pytest

from deployer.changes import SetCohort, SetDesired
from deployer.cohort import Cohort, Trait
from deployer.errors import ChangeRefused
from deployer.model import Admitted, Blocked, Snapshot, Weights
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.cohort import Admit, Dismiss
from tests.unit.world import BLUE, GREEN, NOW, UNHEALTHY, instances, slot, world

LIVE, HALF, MOVED = Weights(1000, 0), Weights(500, 500), Weights(0, 1000)
BETA = Cohort.parse("header:X-Beta=yes")
OURS = Admitted(BETA, GREEN)
ADMIT, DISMISS = Admit(BETA, GREEN, 2, 60.0), Dismiss(2, 60.0)


@pytest.mark.parametrize(
    ("text", "trait", "name", "values"),
    [
        ("header:X-Beta=yes", Trait.HEADER, "X-Beta", ("yes",)),
        (" header: User-Agent = *Firefox/1?? (beta)* ", Trait.HEADER, "User-Agent",
         ("*Firefox/1?? (beta)*",)),
        ("cookie:beta=1", Trait.COOKIE, "beta", ("1",)),
        ("cookie:id=YWI=", Trait.COOKIE, "id", ("YWI=",)),
        ("query:beta=1", Trait.QUERY, "beta", ("1",)),
        ("query:a[b]=c=d", Trait.QUERY, "a[b]", ("c=d",)),
        ("source:10.1.2.3", Trait.SOURCE, "", ("10.1.2.3/32",)),
        ("source:192.168.7.9/16, 10.0.0.0/8,10.0.0.0/8", Trait.SOURCE, "",
         ("10.0.0.0/8", "192.168.0.0/16")),
        ("source:2001:db8::/32", Trait.SOURCE, "", ("2001:db8::/32",)),
    ],
)  # fmt: skip
def test_a_group_is_read_and_written(
    text: str, trait: Trait, name: str, values: tuple[str, ...]
) -> None:
    cohort = Cohort.parse(text)
    assert cohort == Cohort(trait, name, values)
    assert Cohort.parse(str(cohort)) == cohort


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no user group: write header:X-Beta=yes"),
        ("beta=1", "is no user group"),
        ("country:de", "is no user group"),
        ("header:X-Beta", "lacks a value"),
        ("header:X-Beta=", "is no value"),
        ("header:=yes", "is no name"),
        ("header:X Beta=yes", "is no name"),
        ("header:X*=yes", "is no name"),
        (f"header:{'x' * 41}=yes", "is no name"),
        (f"header:X-Beta={'x' * 129}", "128 characters"),
        ("header:X-Beta=a\\*", "is no value"),
        ("header:X-Beta=******", "5 wildcards"),
        ("header:Cookie=*beta*", "for cookie:NAME=VALUE"),
        ("header:host=www", "for a rule of your own"),
        ("cookie:beta=*", "nor a wildcard"),
        ("cookie:beta=a;b", "is no value"),
        ("cookie:be*ta=1", "is no name"),
        (f"cookie:beta={'x' * 118}", "128 characters"),
        ("query:beta", "lacks a value"),
        ("query:*=1", "is no name"),
        ("query:beta=1&x=2", "is no value"),
        ("query:beta=a b", "is no value"),
        ("source:everywhere", "is no network"),
        ("source:0.0.0.0/0", "every address is no group"),
        ("source:10.0.0.0/8,::/0", "every address is no group"),
        ("source:1.0.0.0/8,2.0.0.0/8,3.0.0.0/8,4.0.0.0/8,5.0.0.0/8,6.0.0.0/8", "1 to 5"),
    ],
)
def test_what_no_rule_can_tell_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Cohort.parse(text)
    assert "\n" not in str(refused.value)


def seen(
    weights: Weights | None, cohort: Admitted | Blocked | None, *, blue: int = 2, green: int = 2
) -> Snapshot:
    return Snapshot(
        NOW, weights, slot(BLUE, *instances(blue), desired=2),
        slot(GREEN, *instances(green, "v2"), desired=2), cohort,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "reading", "expected"),
    [
        (ADMIT, seen(LIVE, None), SetCohort(OURS, None)),
        (ADMIT, seen(LIVE, OURS), "users header:X-Beta=yes to green"),
        (ADMIT, seen(LIVE, None, green=1), "green: 1 healthy, 2 needed"),
        (ADMIT, seen(LIVE, OURS, green=1), "users header:X-Beta=yes to green"),
        (DISMISS, seen(LIVE, None), "where everybody goes"),
        (DISMISS, seen(LIVE, OURS), SetCohort(None, OURS)),
        (DISMISS, seen(HALF, OURS), SetCohort(None, OURS)),
        (DISMISS, seen(LIVE, OURS, blue=1), "blue: 1 healthy, 2 needed"),
        (DISMISS, seen(MOVED, OURS, blue=0), SetCohort(None, OURS)),
        (DISMISS, seen(None, OURS, blue=0), SetCohort(None, OURS)),
        (DISMISS, seen(LIVE, Blocked("theirs")), "where everybody goes"),
    ],
)
def test_steps(step: Admit | Dismiss, reading: Snapshot, expected: SetCohort | str) -> None:
    progress: Progress = step.advance(world(reading))
    if isinstance(progress, Act):
        assert progress.change == expected
    else:
        assert isinstance(expected, str)
        assert expected in (progress.note if isinstance(progress, Done) else progress.reason)


def test_a_slot_scaled_in_gets_its_size_back_before_the_group() -> None:
    small = slot(GREEN, *instances(1, "v2"))
    reading = Snapshot(NOW, LIVE, slot(BLUE, *instances(2)), small)
    assert ADMIT.advance(world(reading)) == Act(SetDesired(GREEN, 2))
    sick = slot(GREEN, *instances(2, "v2", UNHEALTHY))
    reading = Snapshot(NOW, LIVE, slot(BLUE, *instances(2)), sick)
    assert isinstance(ADMIT.advance(world(reading)), Waiting)


def test_where_somebody_else_has_a_rule_nobody_is_admitted() -> None:
    with pytest.raises(ChangeRefused, match="theirs"):
        ADMIT.advance(world(seen(LIVE, Blocked("theirs"))))


def test_in_words() -> None:
    assert ADMIT.describe() == "admit the users header:X-Beta=yes to green (within 1m)"
    assert DISMISS.describe() == "dismiss the user group: weights hold for all (within 1m)"
    assert str(SetCohort(OURS, None)) == "send the users header:X-Beta=yes to green"
    words = "send the users header:X-Beta=yes where everybody goes"
    assert str(SetCohort(None, OURS)) == words

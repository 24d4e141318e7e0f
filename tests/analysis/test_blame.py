"""Whose errors they are, and where."""

from deployer.analysis.blame import Causes, blame, of_metric, of_the_balancer

STABLE = {"a": Causes(5000, 10, 0, 50), "b": Causes(5000, 10, 0, 50)}


def test_causes_are_told_apart_the_worst_first() -> None:
    found = blame({"a": Causes(500, 11, 31, 5), "b": Causes(500, 11, 29, 5)}, STABLE)
    assert [(one.cause, round(one.added)) for one in found] == [
        ("connection_errors", 60), ("target_5xx", 20),
    ]  # fmt: skip
    assert all(one.zone is None for one in found)
    assert "failed connections" in str(found[0])


def test_one_zone_is_named_where_it_explains_nearly_all() -> None:
    (found,) = blame({"a": Causes(500, 90), "b": Causes(500, 1)}, STABLE)
    assert found.zone == "a"
    assert str(found).endswith("nearly all of them in a")


def test_a_zone_with_nearly_all_of_the_requests_explains_nothing() -> None:
    (found,) = blame({"a": Causes(950, 90), "b": Causes(50, 1)}, STABLE)
    assert found.zone is None


def test_4xx_are_named_as_what_they_are() -> None:
    (found,) = blame({"a": Causes(500, 1, 0, 400), "b": Causes(500, 1, 0, 410)}, STABLE)
    assert "not counted as failures" in str(found)


def test_no_more_than_usual_is_nobodys_fault() -> None:
    assert blame({"a": Causes(500, 1, 0, 5)}, STABLE) == ()
    assert blame({"a": Causes(500, 3)}, {})[0].added == 3


def test_slow_answers_are_a_cause_of_their_own() -> None:
    slow = {"a": Causes(500, slow=80), "b": Causes(500, slow=90)}
    (found,) = blame(slow, {"a": Causes(5000, slow=50), "b": Causes(5000, slow=50)})
    assert (found.cause, round(found.added)) == ("slow", 160)
    assert "slow answers" in str(found)


def test_what_chance_adds_explains_nothing() -> None:
    usual = {"a": Causes(10_000, target_4xx=500)}  # 50 of 1,000, give or take 7
    assert blame({"a": Causes(1000, target_4xx=60)}, usual) == ()
    assert [one.cause for one in blame({"a": Causes(1000, target_4xx=70)}, usual)] == ["target_4xx"]


def test_what_the_balancer_answered_for_a_slot_is_not_told_twice() -> None:
    """Failed connections and requests without an answer: a 502 or 504 of its own."""
    broken, left = {"a": Causes(500, 0, 30)}, {"b": Causes(500, unanswered=10)}
    assert of_the_balancer(40, broken, left) is None
    assert of_the_balancer(35, broken, left) is None  # a client left, or two targets were tried
    assert "2 5xx" in str(of_the_balancer(42, broken, left))


def test_requests_without_an_answer_are_a_cause() -> None:
    (found,) = blame({"a": Causes(500, unanswered=30)}, {"a": Causes(5000, unanswered=2)})
    assert found.cause == "unanswered"
    assert "took and did not answer" in str(found)


def test_the_balancers_own_belong_to_no_slot() -> None:
    assert of_the_balancer(0) is None
    assert "of no slot" in str(of_the_balancer(7))


def test_a_further_metric_is_a_cause_under_its_own_name() -> None:
    found = of_metric("target_5xx", (30, 100), (20, 1000))
    assert str(found) == '28 more of "target_5xx" than at stable\'s rate'
    assert of_metric("refused", (6, 100), (30, 1000)) is None  # 3, give or take 1.7
    assert of_metric("refused", (1, 100), (0, 0)) is not None
    assert of_metric("refused", (0, 0), (30, 1000)) is None

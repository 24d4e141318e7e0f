"""CPUUtilization: measured CPU time of instances, as EC2 publishes it."""

import pytest

from deployer.lab.telemetry.cpu import Meters
from deployer.lab.usage import Usage

PERIOD = 300
MINUTES = range(0, 2 * PERIOD, 60)


def published(meters: Meters, usage: list[Usage], minute: int, real: float) -> dict[str, float]:
    """Average by instance or group."""
    found = meters.samples(usage, minute, real)
    assert {(s.metric.namespace, s.metric.name, s.unit) for s in found} <= {
        ("AWS/EC2", "CPUUtilization", "Percent")
    }
    return {s.metric.dimensions[0][1]: s.point.total / s.point.count for s in found}


def test_it_comes_every_five_minutes_in_percent_of_a_core() -> None:
    meters, told = Meters(), {}
    for minute in MINUTES:
        real = minute / 60  # a minute takes a second
        usage = [Usage("i-1", "g", real * 0.25), Usage("i-2", "g", real * 0.75)]
        told[minute] = published(meters, usage, minute, real)
    assert {minute for minute, found in told.items() if found} == {240, 540}
    assert told[540] == {
        "i-1": pytest.approx(25.0),
        "i-2": pytest.approx(75.0),
        "g": pytest.approx(50.0),
    }


def test_with_detailed_monitoring_it_comes_every_minute() -> None:
    meters = Meters()
    told = [
        published(meters, [Usage("i-1", "g", float(real), detailed=True)], 60 * real, 2.0 * real)
        for real in range(4)
    ]
    half = {"i-1": pytest.approx(50.0), "g": pytest.approx(50.0)}
    assert told == [{}, half, half, half]


def test_a_young_instance_has_no_share_yet_and_one_that_warms_up_is_not_the_groups() -> None:
    meters = Meters()
    published(meters, [Usage("i-1", "g", 0.0)], 240, 1.0)
    told = published(meters, [Usage("i-1", "g", 1.0), Usage("i-2", "", 9.0)], 540, 3.0)
    assert told == {"i-1": pytest.approx(50.0), "g": pytest.approx(50.0)}
    told = published(meters, [Usage("i-1", "g", 1.0), Usage("i-2", "", 10.0)], 840, 5.0)
    assert told == {"i-1": 0.0, "g": 0.0, "i-2": pytest.approx(50.0)}


def test_more_than_one_core_is_all_of_it_and_nothing_is_less_than_none() -> None:
    meters = Meters()
    published(meters, [Usage("i-1", "g", 5.0), Usage("i-2", "g", 5.0)], 240, 1.0)
    told = published(meters, [Usage("i-1", "g", 50.0), Usage("i-2", "g", 1.0)], 540, 3.0)
    assert (told["i-1"], told["i-2"]) == (100.0, 0.0)


def test_who_is_gone_is_forgotten() -> None:
    meters = Meters()
    published(meters, [Usage("i-1", "g", 5.0)], 240, 1.0)
    published(meters, [], 300, 2.0)
    assert meters.read == {}


def test_minutes_that_were_slept_through_end_at_one_moment_and_have_one_value() -> None:
    meters = Meters()
    busy = [Usage("i-1", "g", 1.0, detailed=True)]
    published(meters, [Usage("i-1", "g", 0.0, detailed=True)], 0, 1.0)
    told = [published(meters, busy, minute, 3.0) for minute in (60, 120, 180)]
    assert told == [{"i-1": pytest.approx(50.0), "g": pytest.approx(50.0)}, {}, {}]

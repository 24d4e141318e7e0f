"""Who is told of a fleet: whoever is told of one of its environments, once, where that is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from deployer.aws.session import Aws
from deployer.channels.fleets import Tellers, named
from deployer.operations.fleet import Fleet, Wave, members_of
from deployer.operations.notifying import SILENT
from deployer.settings.notify import (
    AnyChannel,
    EventBridgeChannel,
    NotifySettings,
    SlackChannel,
    SnsChannel,
)
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from tests.sim.clock import SimClock

SLACK = SlackChannel(name="ops", url="ssm:/shop/slack")
OTHER = SlackChannel(name="ops", url="ssm:/shop/prod/slack")
TOPIC = SnsChannel(name="pager", topic="arn:aws:sns:ap-south-1:123456789012:pager")
BUS = EventBridgeChannel(name="bus")


def environments(**channels: tuple[AnyChannel, ...]) -> Mapping[str, Settings]:
    regions = {"eu": "eu-west-1", "us": "us-east-1"}
    sample = load(Path(__file__).parents[2] / "deployer.toml", "lab")
    return {
        name: replace(
            sample,
            environment=replace(sample.environment, region=regions.get(name, "us-west-2")),
            notify=NotifySettings(channels=told),
        )
        for name, told in channels.items()
    }


def fleet(*names: str) -> Fleet:
    waves = (Wave(names),)
    return Fleet(
        id="f1", service="shop", release="v42", waves=waves, members=members_of(waves, 0.0),
        started_at=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("channels", "found"),
    [
        ({"eu": (SLACK,), "us": (SLACK,)}, [("ops", "eu-west-1")]),
        ({"eu": (SLACK,), "us": (OTHER,)}, [("ops", "eu-west-1"), ("ops@us", "us-east-1")]),
        ({"eu": (), "us": (TOPIC, BUS)}, [("pager", "ap-south-1"), ("bus", "us-east-1")]),
        ({"eu": (), "us": ()}, []),
        ({"dev": (SLACK,)}, []),
    ],
    ids=["alike", "one name", "where they are", "nobody", "another environment"],
)
def test_each_channel_of_its_environments_once(channels: Any, found: list[tuple[str, str]]) -> None:
    every = environments(**channels)
    got = named(fleet("eu", "us"), every)
    assert [(one.name, region) for one, region in got] == found


def test_where_nobody_is_told_nobody_is_asked_for_anything() -> None:
    def there(region: str) -> Aws:
        raise AssertionError(region)

    tellers = Tellers(
        environments(eu=(), us=()), there, "book", "eu-west-1", {}, cast("Any", SimClock())
    )
    assert tellers.outbox(fleet("eu", "us")) is SILENT

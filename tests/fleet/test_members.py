"""How a fleet asks its environments: an answer of each, and silence where there is none."""

import io
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from deployer.aws.members import LambdaMembers, understood
from deployer.operations.fleet import Errand, Sight

LOOK = Errand(kind="look", environment="eu", deployment="d1")


@dataclass
class Region:
    """Of Lambda and of `session.Aws`, what is used: functions that answer, or do not."""

    name: str
    asked: list[tuple[str, str, float]] = field(default_factory=list)
    breaks: Exception | None = None

    def functions(self, patience_s: float) -> Any:
        self.patience_s = patience_s
        return self

    def invoke(self, **request: Any) -> dict[str, Any]:
        if self.breaks:
            raise self.breaks
        errand = json.loads(request["Payload"])
        self.asked.append((request["FunctionName"], errand["kind"], self.patience_s))
        said = Sight(state="running", about=errand["deployment"], note=self.name)
        return {"Payload": io.BytesIO(msgspec.json.encode(said))}


def members(regions: dict[str, Region], **how: Any) -> LambdaMembers:
    places = {"box": "eu-west-1", "eu": "eu-west-1", "us": "us-east-1"}
    return LambdaMembers("shop", places, regions.__getitem__, 50.0, **how)  # type: ignore[arg-type]


def errands(*names: str) -> list[Errand]:
    return [Errand(kind="look", environment=name, deployment=f"d-{name}") for name in names]


def test_each_is_asked_in_its_own_region_and_once() -> None:
    regions = {name: Region(name) for name in ("eu-west-1", "us-east-1")}
    told = members(regions).send(errands("box", "eu", "us"))
    assert {name: (each.about, each.note) for name, each in told.items()} == {
        "box": ("d-box", "eu-west-1"), "eu": ("d-eu", "eu-west-1"), "us": ("d-us", "us-east-1"),
    }  # fmt: skip
    assert sorted(regions["eu-west-1"].asked) == [
        ("shop-box-member", "look", 50.0), ("shop-eu-member", "look", 50.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://lambda"),
        ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "m"}}, "Invoke"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m"}}, "Invoke"),
        ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "m"}}, "Invoke"),
    ],
)
def test_a_region_that_does_not_answer_silences_only_its_own(error: Exception) -> None:
    regions = {"eu-west-1": Region("eu-west-1"), "us-east-1": Region("us-east-1", breaks=error)}
    told = members(regions).send(errands("box", "us"))
    assert (told["box"].state, told["us"].state) == ("running", "silent")
    assert "shop-us-member" in told["us"].note
    assert told["us"].about == "d-us"


def test_who_comes_too_late_is_not_asked() -> None:
    regions = {name: Region(name) for name in ("eu-west-1", "us-east-1")}
    seconds = count(0, 30)
    told = members(regions, timer=lambda: float(next(seconds))).send(errands("box", "eu", "us"))
    assert sorted(each.state for each in told.values()) == ["running", "silent", "silent"]
    assert len(regions["eu-west-1"].asked) + len(regions["us-east-1"].asked) == 1


@pytest.mark.parametrize(
    ("said", "failed", "words"),
    [
        (b'{"errorMessage": "no table"}', True, "it failed: no table"),
        (b"Task timed out", True, "it failed: Task timed out"),
        (b'{"state": "asleep"}', False, "deploy the stacks of the same version"),
        (b"", False, "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_silence_and_says_why(
    said: bytes, failed: bool, words: str
) -> None:
    told = understood(said, LOOK, failed=failed)
    assert (told.state, told.about, words in told.note) == ("silent", "d1", True)

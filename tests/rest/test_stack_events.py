"""Why a stack was not deleted, read off its events, newest first as CloudFormation lists them."""

from typing import TYPE_CHECKING, cast

import pytest

from deployer.aws.stacks import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

NAME = "shop-dev-control"
USED = "Export key cannot be deleted as it is in use by shop-pipeline"


def event(who: str, status: str, why: str = "") -> "StackEventTypeDef":
    told = {"LogicalResourceId": who, "ResourceType": "T", "ResourceStatus": status}
    return cast("StackEventTypeDef", told | ({"ResourceStatusReason": why} if why else {}))


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            [event(NAME, "CREATE_COMPLETE", USED), event(NAME, "CREATE_COMPLETE")],
            [f"{USED} (deploy that without it, or delete it, first)"],
        ),
        (
            [
                event(NAME, "DELETE_FAILED", "The following resources failed to delete: [Logs]."),
                event("Logs", "DELETE_FAILED", "not empty"),
                event(NAME, "DELETE_IN_PROGRESS", "User Initiated"),
                event("Old", "DELETE_FAILED", "of an earlier try"),
            ],
            ["Logs (T): not empty"],
        ),
        ([event(NAME, "DELETE_IN_PROGRESS", "User Initiated")], []),
        ([event(NAME, "CREATE_COMPLETE")], []),
        ([], []),
    ],
)
def test_what_stopped_the_newest_deletion(
    events: "Sequence[StackEventTypeDef]", told: list[str]
) -> None:
    assert list(failed(events, NAME)) == told

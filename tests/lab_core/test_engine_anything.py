"""Any update of any stack: it ends as the new template says, or as it was."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lab_core.stacks import Cloud, log_group, parameter, template, topic

# Names of log groups are fixed properties (a change replaces), display names are not.
VALUES = st.sampled_from(["a", "b", "c"])
STACKS = st.fixed_dictionaries(
    {},
    optional={
        "Topic": VALUES,
        "Logs": VALUES,
        "Other": VALUES,
        "User": st.sampled_from(["Topic", "Logs"]),
    },
)


def resources(wanted: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"Base": topic("base")}
    if "Topic" in wanted:
        made["Topic"] = topic(wanted["Topic"])
    if "Logs" in wanted:
        made["Logs"] = log_group(f"logs-{wanted['Logs']}")
    if "Other" in wanted:
        made["Other"] = log_group(f"other-{wanted['Other']}")
    if wanted.get("User") in made:
        made["User"] = parameter("/user", {"Ref": wanted["User"]})
    return made


def live(cloud: Cloud) -> tuple[Any, ...]:
    user = cloud.parameters().get("/user", "").rsplit(":", 1)[-1][:12]
    return cloud.topics(), cloud.log_groups(), user


def expected(wanted: dict[str, str]) -> tuple[Any, ...]:
    made = resources(wanted)
    names = {one["Properties"].get("LogGroupName") for one in made.values()} - {None}
    topics = {one["Properties"].get("DisplayName") for one in made.values()} - {None}
    user = ""
    if "User" in made:
        user = "anything-Top" if wanted["User"] == "Topic" else f"logs-{wanted['Logs']}"
    return topics, names, user


@pytest.mark.timeout(120)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=STACKS, after=STACKS, fails=st.booleans(), late=st.booleans())
def test_ends_as_wanted_or_as_before(
    cloud: Cloud, before: dict[str, str], after: dict[str, str], fails: bool, late: bool
) -> None:
    cloud.create("anything", template(resources(before)))
    ids = cloud.physical_ids("anything")
    assert live(cloud) == expected(before)
    wanted = resources(after) | {"More": topic("more")}
    if fails:
        odd = {"Type": "AWS::Odd::Thing"}
        wanted["Bad"] = odd | ({"DependsOn": sorted(set(wanted))} if late else {})
    stack = cloud.update("anything", template(wanted))
    if fails:
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert live(cloud) == expected(before)
        assert cloud.physical_ids("anything") == ids
    else:
        topics, names, user = expected(after)
        assert stack["StackStatus"] == "UPDATE_COMPLETE"
        assert live(cloud) == (topics | {"more"}, names, user)
    assert cloud.delete("anything")["StackStatus"] == "DELETE_COMPLETE"
    assert live(cloud) == (set(), set(), "")

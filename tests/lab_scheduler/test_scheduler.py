"""Schedules in the lab: made, due, delivered, tried again, given up; and whose permission that takes."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab.wire import Refused
from tests.lab_scheduler.conftest import (
    FUNCTION,
    MACHINE,
    MONDAY,
    OFF,
    QUEUE,
    Stage,
    allow,
    trusting,
)

HOUR_S = 3_600.0


def refused(stage: Stage, expression: str = "rate(1 hour)", **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        stage.schedule(expression, **more)
    return str(caught.value)


def test_a_rate_begins_at_once_and_keeps_its_pace(stage: Stage) -> None:
    stage.schedule("rate(5 minutes)")
    assert stage.passing(900.0) == [0.0, 300.0, 600.0, 900.0]
    assert {(name, kind) for name, kind, _ in stage.invoked} == {(FUNCTION, "Event")}


def test_it_is_due_within_its_dates_only(stage: Stage) -> None:
    stage.schedule("rate(5 minutes)", StartDate=MONDAY + 600, EndDate=MONDAY + 1_200)
    assert stage.passing(1_800.0) == [600.0, 900.0]


def test_a_one_shot_goes_when_it_is_done(stage: Stage) -> None:
    stage.schedule("at(2023-11-20T09:30:00)", ActionAfterCompletion="DELETE",
                   ScheduleExpressionTimezone="Europe/Berlin")  # fmt: skip
    assert stage.passing(HOUR_S) == [1_800.0]
    assert stage.client("scheduler").list_schedules()["Schedules"] == []


def test_a_one_shot_that_is_not_to_be_deleted_stays(stage: Stage) -> None:
    stage.schedule("at(2023-11-20T08:10:00)")
    assert stage.passing(HOUR_S) == [600.0]
    assert stage.client("scheduler").get_schedule(Name="s")["State"] == "ENABLED"


def test_one_that_is_disabled_is_not_due_and_misses_nothing_it_could_make_up_for(
    stage: Stage,
) -> None:
    stage.schedule("rate(5 minutes)", State="DISABLED")
    assert stage.passing(600.0) == []


def test_of_several_times_within_one_beat_the_last_counts(stage: Stage) -> None:
    stage.schedule("rate(1 minute)", Input='"<aws.scheduler.scheduled-time>"')
    stage.at(MONDAY)
    stage.at(MONDAY + HOUR_S + 30)
    assert [json.loads(text) for *_, text in stage.invoked] == [
        "2023-11-20T08:00:00Z",
        "2023-11-20T09:00:00Z",
    ]


def test_the_input_can_ask_about_its_occurrence(stage: Stage) -> None:
    arn = stage.schedule(
        "rate(1 day)",
        Input='["<aws.scheduler.schedule-arn>", "<aws.scheduler.attempt-number>"]',
    )
    stage.at(MONDAY)
    assert json.loads(stage.invoked[0][2]) == [arn, "1"]


def test_a_state_machine_is_started(stage: Stage) -> None:
    stage.schedule("rate(1 hour)", Arn=MACHINE, Input='{"a": 1}')
    assert stage.passing(HOUR_S) == [0.0, HOUR_S]
    assert {(arn, given) for arn, _, given in stage.started} == {(MACHINE, '{"a": 1}')}
    assert len({name for _, name, _ in stage.started}) == 2


def test_what_may_heal_is_tried_again_and_what_may_not_goes_to_the_dead_letters(
    stage: Stage,
) -> None:
    stage.schedule(
        "at(2023-11-20T08:01:00)",
        RetryPolicy={"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3_600},
        DeadLetterConfig={"Arn": QUEUE},
        Input='{"n": "<aws.scheduler.attempt-number>"}',
    )
    stage.failing[:] = [Refused("TooManyRequestsException", "later", 429)] * 2
    stage.passing(600.0, 10.0)
    assert [text for *_, text in stage.invoked] == ['{"n": "3"}']
    assert stage.dead_letters() == []


def test_after_its_last_attempt_the_dead_letter_says_why(stage: Stage) -> None:
    arn = stage.schedule(
        "at(2023-11-20T08:01:00)",
        RetryPolicy={"MaximumRetryAttempts": 1},
        DeadLetterConfig={"Arn": QUEUE},
    )
    stage.failing[:] = [Refused("ServiceException", "down", 500)] * 9
    stage.passing(HOUR_S)
    assert len(stage.failing) == 7
    (letter,) = stage.dead_letters()
    told = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == "{}"
    assert told["ERROR_CODE"] == "ServiceException"
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert told["RETRY_ATTEMPTS"] == "1"
    assert (told["SCHEDULE_ARN"], told["TARGET_ARN"]) == (arn, FUNCTION)
    assert told["SCHEDULED_TIME"] == "2023-11-20T08:01:00Z"


def test_an_old_event_is_given_up_whatever_attempts_are_left(stage: Stage) -> None:
    stage.schedule(
        "at(2023-11-20T08:01:00)",
        RetryPolicy={"MaximumEventAgeInSeconds": 60},
        DeadLetterConfig={"Arn": QUEUE},
    )
    stage.failing[:] = [Refused("ServiceException", "down", 500)] * 9
    stage.passing(HOUR_S)
    (letter,) = stage.dead_letters()
    why = letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"]
    assert why == "MaximumEventAgeInSeconds"


def test_the_role_decides_what_its_schedule_may_call(stage: Stage) -> None:
    stage.may(allow("lambda:InvokeFunction", f"{FUNCTION}-other"), allow("sqs:SendMessage", QUEUE))
    stage.schedule("at(2023-11-20T08:01:00)", DeadLetterConfig={"Arn": QUEUE})
    stage.passing(HOUR_S)
    assert stage.invoked == []
    (letter,) = stage.dead_letters()
    told = letter["MessageAttributes"]
    assert "lambda:InvokeFunction" in told["ERROR_MESSAGE"]["StringValue"]
    assert told["RETRY_ATTEMPTS"]["StringValue"] == "0"
    assert "EXHAUSTED_RETRY_CONDITION" not in told


def test_a_role_that_trusts_somebody_else_is_refused_at_once(stage: Stage) -> None:
    iam = stage.client("iam")
    for name, document in {
        "other": trusting("events.amazonaws.com"),
        "elsewhere": trusting(
            "scheduler.amazonaws.com", StringEquals={"aws:SourceAccount": "999999999999"}
        ),
    }.items():
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        stage.role = role
        assert "must allow AWS EventBridge Scheduler to assume the role" in refused(stage)
    ours = trusting("scheduler.amazonaws.com", StringEquals={"aws:SourceAccount": "123456789012"})
    stage.role = iam.create_role(RoleName="ours", AssumeRolePolicyDocument=ours)["Role"]["Arn"]
    assert stage.schedule("rate(1 hour)")


def test_a_role_that_stops_trusting_stops_the_calls(stage: Stage) -> None:
    stage.schedule("rate(1 hour)", DeadLetterConfig={"Arn": QUEUE})
    stage.at(MONDAY)
    stage.client("iam").update_assume_role_policy(
        RoleName="calls", PolicyDocument=trusting("events.amazonaws.com")
    )
    stage.at(MONDAY + HOUR_S)
    assert len(stage.invoked) == 1


def test_creating_twice_is_creating_once_with_one_token_only(stage: Stage) -> None:
    first = stage.schedule("rate(1 hour)", ClientToken="a")
    assert stage.schedule("rate(1 hour)", ClientToken="a") == first
    assert "ConflictException" in refused(stage, ClientToken="b")


def test_an_update_replaces_everything(stage: Stage) -> None:
    stage.schedule("rate(1 hour)", Description="before", State="DISABLED")
    scheduler = stage.client("scheduler")
    target = scheduler.get_schedule(Name="s")["Target"]
    scheduler.update_schedule(
        Name="s", ScheduleExpression="rate(2 hours)", FlexibleTimeWindow=OFF, Target=target
    )
    found = scheduler.get_schedule(Name="s")
    assert (found["State"], found.get("Description")) == ("ENABLED", None)
    assert found["ScheduleExpression"] == "rate(2 hours)"
    assert found["Target"]["RetryPolicy"] == {
        "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400,
    }  # fmt: skip


def test_groups_hold_schedules_and_take_them_along(stage: Stage) -> None:
    scheduler = stage.client("scheduler")
    scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])
    stage.schedule("rate(1 hour)", GroupName="g")
    stage.schedule("rate(1 hour)", Name="other")
    (listed,) = scheduler.list_schedules(GroupName="g")["Schedules"]
    assert listed["Arn"].endswith(":schedule/g/s")
    assert "ResourceNotFoundException" in refused(stage, GroupName="none")
    scheduler.delete_schedule_group(Name="g")
    assert [each["Name"] for each in scheduler.list_schedules()["Schedules"]] == ["other"]
    with pytest.raises(ClientError, match="default schedule group"):
        scheduler.delete_schedule_group(Name="default")


def test_lists_come_in_pages(stage: Stage) -> None:
    for number in range(5):
        stage.schedule("rate(1 hour)", Name=f"s{number}")
    pages = stage.client("scheduler").get_paginator("list_schedules").paginate(
        PaginationConfig={"PageSize": 2}
    )  # fmt: skip
    assert [len(page["Schedules"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "FlexibleTimeWindow"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"}, "KmsKeyArn"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"}, "the target arn:aws:scheduler"),
        ({"Arn": QUEUE}, "the target arn:aws:sqs"),
        ({"Input": "no json"}, "Input is not JSON"),
        ({"RetryPolicy": {"MaximumRetryAttempts": 186}}, "0 to 185"),
        ({"Name": "a b"}, "failed to satisfy constraint"),
        ({"StartDate": MONDAY + 60, "EndDate": MONDAY}, "StartDate"),
        ({"ScheduleExpression": "at(2023-11-20T07:59:59)"}, "in the past"),
    ],
)  # fmt: skip
def test_what_is_not_valid_or_not_simulated_is_refused_by_name(
    stage: Stage, more: dict[str, Any], words: str
) -> None:
    assert words in refused(stage, **more)
    assert stage.client("scheduler").list_schedules()["Schedules"] == []

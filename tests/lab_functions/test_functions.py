"""Functions that really run: what they are given, what they may, how they fail, when they are tried again."""

import json
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab_functions.conftest import Lambdas, document, zipped

ECHO = """
    import os
    count = 0

    def handler(event, context):
        global count
        count += 1
        print("heard", event)
        left_s = context.get_remaining_time_in_millis() / 1000
        return {"event": event, "count": count, "pid": os.getpid(), "left_s": left_s,
                "name": context.function_name, "greeting": os.environ.get("GREETING")}
"""


def test_it_runs_in_a_process_of_its_own_that_stays_warm(lab: Lambdas) -> None:
    lab.make("echo", ECHO, Environment={"Variables": {"GREETING": "hello"}}, Timeout=600)
    first, answer = lab.call("echo", {"a": 1}, LogType="Tail")
    second, _ = lab.call("echo", [2])
    assert first["event"] == {"a": 1}
    assert first["greeting"] == "hello"
    assert first["pid"] != os.getpid()
    assert first["pid"] == second["pid"]
    assert second["count"] == 2
    assert 0 < first["left_s"] <= 20 * 60  # a time-out shorter than 20 real seconds is that long
    assert "FunctionError" not in answer
    assert answer["StatusCode"] == 200
    log = lab.functions.folder("echo").joinpath("log").read_text().splitlines()
    assert [line.split()[0] for line in log] == ["START", "heard", "END", "REPORT"] * 2


def test_new_code_is_a_new_process(lab: Lambdas) -> None:
    lab.make("changing", "def handler(event, context): return 1")
    assert lab.call("changing")[0] == 1
    code = zipped({"index.py": "def handler(event, context): return 2"})
    lab.api.update_function_code(FunctionName="changing", ZipFile=code)
    assert lab.call("changing")[0] == 2


def test_it_sees_lambdas_runtime_and_nothing_of_the_labs(lab: Lambdas) -> None:
    lab.make("lonely", """
        import importlib.util, sys
        def handler(event, context):
            return {name: importlib.util.find_spec(name) is not None for name in event}
    """)  # fmt: skip
    found, _ = lab.call(
        "lonely", ["boto3", "botocore", "json", "moto", "deployer", "msgspec", "click"]
    )
    assert [name for name, there in found.items() if there] == ["boto3", "botocore", "json"]


CALLER = """
    import boto3
    def handler(event, context):
        sqs = boto3.client("sqs")
        sqs.send_message(QueueUrl=event["queue"], MessageBody="hello")
        return boto3.client("sts").get_caller_identity()["Arn"]
"""


def test_it_may_what_its_role_may_and_no_more(lab: Lambdas) -> None:
    sqs = lab.client("sqs")
    mine, other = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("mine", "other"))
    arn = f"arn:aws:sqs:us-east-1:{lab.context.account}:mine"
    role = lab.role("sender", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn})
    lab.make("caller", CALLER, role)
    assert lab.call("caller", {"queue": mine})[0].endswith(":assumed-role/sender/caller")
    refused, answer = lab.call("caller", {"queue": other})
    assert answer["FunctionError"] == "Unhandled"
    assert refused["errorType"] in ("ClientError", "AccessDeniedException", "AccessDenied")
    assert "sqs:SendMessage" in refused["errorMessage"]
    assert "sender" in refused["errorMessage"]


def test_a_role_that_does_not_trust_lambda_is_refused_at_once(lab: Lambdas) -> None:
    role = lab.role("of-instances", trusts="ec2")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        lab.make("untrusted", ECHO, role)


@pytest.mark.parametrize(
    ("name", "source", "kind", "says"),
    [
        ("raises", "def handler(e, c): raise ValueError('no orders')", "ValueError", "no orders"),
        ("imports", "import nothing_like_it", "Runtime.ImportModuleError", "nothing_like_it"),
        ("absent", "pass", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
        ("ends", "import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("odd", "def handler(e, c): return object()", "Runtime.MarshalError", "marshal"),
    ],
)  # fmt: skip
def test_errors_are_told_as_lambda_tells_them(
    lab: Lambdas, name: str, source: str, kind: str, says: str
) -> None:
    lab.make(name, source)
    for _ in range(2):  # the second time in a new process, where the first has ended
        told, answer = lab.call(name)
        assert answer["FunctionError"] == "Unhandled"
        assert told["errorType"] == kind
        assert says in told["errorMessage"]
    assert lab.facts(name)["errors"] == 2


def test_a_late_one_is_killed(lab: Lambdas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.lab.functions.invocation.LEAST_S", 0.3)
    lab.make("late", """
        import time, subprocess, os
        def handler(event, context):
            open(event, "w").write(str(os.getpid()))
            time.sleep(600)
    """, Timeout=1)  # fmt: skip
    mark = lab.context.directory / "pid"
    lab.make("quick", "def handler(event, context): return 1")
    lab.call("quick")  # so that what is measured is not the first start
    told, answer = lab.call("late", str(mark))
    assert answer["FunctionError"] == "Unhandled"
    assert told["errorType"] == "Sandbox.Timedout"
    assert told["errorMessage"].endswith("Task timed out after 1.00 seconds")
    if mark.exists():  # it was that far when it was killed
        assert not alive(int(mark.read_text()))


def alive(pid: int) -> bool:
    from deployer.lab import home

    return home.alive(pid)


def test_no_more_at_once_than_are_reserved(lab: Lambdas) -> None:
    lab.make("single", ECHO)
    lab.api.put_function_concurrency(FunctionName="single", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        lab.call("single")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert lab.facts("single")["throttles"] == 1
    lab.api.delete_function_concurrency(FunctionName="single")
    assert lab.call("single")[0]["count"] == 1


def test_an_event_is_tried_three_times_and_then_buried(lab: Lambdas) -> None:
    sqs = lab.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{lab.context.account}:dead"
    role = lab.role("burier", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn})
    lab.make(
        "failing",
        "def handler(event, context): raise RuntimeError('again')",
        role,
        DeadLetterConfig={"TargetArn": arn},
    )
    answer = lab.api.invoke(FunctionName="failing", InvocationType="Event", Payload=b'{"n": 1}')
    assert answer["StatusCode"] == 202
    lab.until(lambda: sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"] == "1")  # fmt: skip
    assert lab.facts("failing")["errors"] == 3
    found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
    assert json.loads(found["Body"]) == {"n": 1}
    assert found["MessageAttributes"]["ErrorMessage"]["StringValue"] == "again"


def test_it_is_observed(lab: Lambdas) -> None:
    lab.make("seen", ECHO)
    lab.call("seen", 1)
    assert total(lab, "Invocations") == 1
    assert total(lab, "Errors") == 0
    assert total(lab, "Duration") > 0
    events = lab.client("logs").filter_log_events(logGroupName="/aws/lambda/seen")["events"]
    assert "heard 1" in [each["message"] for each in events]


def total(lab: Lambdas, metric: str) -> float:
    now = lab.context.clock.now()
    points = lab.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=metric, Statistics=["Sum"], Period=60,
        Dimensions=[{"Name": "FunctionName", "Value": "seen"}],
        StartTime=now // 60 * 60 - 600, EndTime=now // 60 * 60 + 60,
    )["Datapoints"]  # fmt: skip
    assert points, metric
    return float(sum(point["Sum"] for point in points))


def test_who_may_not_log_has_no_log(lab: Lambdas) -> None:
    role = lab.role("mute")
    lab.client("iam").put_role_policy(
        RoleName="mute", PolicyName="all",
        PolicyDocument=document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}),
    )  # fmt: skip
    lab.make("mute", ECHO, role)
    assert lab.call("mute", 1)[0]["count"] == 1
    assert "no logs" in lab.facts("mute")["problems"][0]


@pytest.mark.parametrize(
    "more",
    [
        {"Runtime": "nodejs22.x"},
        {"Layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"]},
        {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        {"Publish": True},
        {"TracingConfig": {"Mode": "Active"}},
    ],
)
def test_what_is_not_simulated_is_refused(lab: Lambdas, more: dict[str, Any]) -> None:
    settings = {"Runtime": "python3.11", "Handler": "index.handler", **more}
    with pytest.raises(ClientError, match="does not simulate"):
        lab.api.create_function(
            FunctionName="refused", Role="arn:aws:iam::1:role/r",
            Code={"ZipFile": zipped({"index.py": ""})}, **settings,
        )  # fmt: skip
    with pytest.raises(ClientError, match="does not simulate"):
        lab.api.invoke(FunctionName="echo:live")
    with pytest.raises(ClientError, match="does not implement"):
        lab.api.publish_version(FunctionName="echo")

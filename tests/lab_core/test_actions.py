"""The door: replaced actions, refusals, faults, the log; over sockets and in process."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from deployer.lab import actions, audit, inprocess, server
from deployer.lab.chaos import Fault, Kind
from deployer.lab.context import Context


@contextmanager
def outside(context: Context, service: str, attempts: int = 1) -> Iterator[Any]:
    """A client as a user has it: over TCP."""
    anything: Any = boto3
    made = anything.client(
        service,
        endpoint_url=context.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )
    try:
        yield made
    finally:
        made.close()


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

# (service, operation, boto3 method, input, result): one per protocol that boto3 speaks.
ROUND_TRIPS: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "autoscaling",
        "DescribeScalingActivities",
        "describe_scaling_activities",
        {"AutoScalingGroupName": "g", "MaxRecords": 3, "IncludeDeletedGroups": False},
        {
            "Activities": [
                {
                    "ActivityId": "a",
                    "AutoScalingGroupName": "g",
                    "Cause": "a < b & c",
                    "StartTime": WHEN,
                    "StatusCode": "Successful",
                    "Progress": 100,
                }
            ]
        },
    ),
    (
        "elbv2",
        "DescribeTargetHealth",
        "describe_target_health",
        {"TargetGroupArn": "arn", "Targets": [{"Id": "i-1", "Port": 80}]},
        {
            "TargetHealthDescriptions": [
                {"Target": {"Id": "i-1", "Port": 80}, "TargetHealth": {"State": "healthy"}}
            ]
        },
    ),
    (
        "ec2",
        "DescribeVpcs",
        "describe_vpcs",
        {"VpcIds": ["vpc-1"], "Filters": [{"Name": "n", "Values": ["a", "b"]}]},
        {"Vpcs": [{"VpcId": "vpc-1", "IsDefault": False, "Tags": [{"Key": "k", "Value": ""}]}]},
    ),
    (
        "cloudwatch",
        "GetMetricData",
        "get_metric_data",
        {
            "MetricDataQueries": [{"Id": "m", "Expression": "a+b", "ReturnData": True}],
            "StartTime": WHEN,
            "EndTime": WHEN,
        },
        {
            "MetricDataResults": [
                {
                    "Id": "m",
                    "Values": [1.5, 2.0],
                    "Timestamps": [WHEN, WHEN],
                    "StatusCode": "Complete",
                }
            ]
        },
    ),
    (
        "dynamodb",
        "GetItem",
        "get_item",
        {"TableName": "t", "Key": {"id": {"S": "x"}}},
        {"Item": {"id": {"S": "x"}, "n": {"N": "4"}, "b": {"B": b"\x00\xff"}, "l": {"L": []}}},
    ),
    (
        "lambda",
        "GetAlias",
        "get_alias",
        {"FunctionName": "f", "Name": "live"},
        {"Name": "live", "FunctionVersion": "3"},
    ),
    (
        "cloudformation",
        "DescribeStacks",
        "describe_stacks",
        {"StackName": "s"},
        {"Stacks": [{"StackName": "s", "CreationTime": WHEN, "StackStatus": "CREATE_COMPLETE"}]},
    ),
]


@pytest.mark.parametrize("case", ROUND_TRIPS, ids=lambda case: f"{case[0]}:{case[1]}")
def test_replaced_action_receives_and_returns_what_boto3_says(
    context: Context, case: tuple[str, str, str, dict[str, Any], dict[str, Any]]
) -> None:
    service, action, method, sent, answer = case
    seen: list[dict[str, Any]] = []

    def handler(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        seen.append(params)
        assert (call.service, call.action) == (service, action)
        assert (call.account, call.region) == ("123456789012", "us-east-1")
        return answer

    actions.replace(service, action, handler)
    got = getattr(inprocess.client(context, service), method)(**sent)
    del got["ResponseMetadata"]
    assert seen == [sent]
    assert got == answer


@pytest.mark.parametrize(
    "service", ["autoscaling", "ec2", "cloudwatch", "dynamodb", "lambda", "s3"]
)
def test_refused_becomes_the_services_own_error(context: Context, service: str) -> None:
    action, method, sent = {
        "autoscaling": ("DescribeTags", "describe_tags", {}),
        "ec2": ("DescribeVpcs", "describe_vpcs", {}),
        "cloudwatch": ("DescribeAlarms", "describe_alarms", {}),
        "dynamodb": ("ListTables", "list_tables", {}),
        "lambda": ("GetAlias", "get_alias", {"FunctionName": "f", "Name": "n"}),
        "s3": ("GetObject", "get_object", {"Bucket": "bucket", "Key": "a/b"}),
    }[service]

    def handler(_call: actions.Call, _params: dict[str, Any]) -> dict[str, Any]:
        raise actions.Refused("Odd<Code", "5 < 6 & 7", 409)

    actions.replace(service, action, handler)
    with pytest.raises(ClientError) as error:
        getattr(inprocess.client(context, service), method)(**sent)
    assert refusal(error) == ("Odd<Code", 409)
    assert "5 < 6 & 7" in str(error.value)


def test_moto_answers_behind_a_replacement(context: Context) -> None:
    def handler(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        if params["CidrBlock"].startswith("10.9"):
            raise actions.Refused("InvalidVpcRange", "taken")
        made = call.moto()
        made["Vpc"]["State"] = "pending"
        return made

    actions.replace("ec2", "CreateVpc", handler)
    ec2 = inprocess.client(context, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    assert vpc["State"] == "pending"
    assert ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"][0]["State"] == "available"
    with pytest.raises(ClientError, match="InvalidVpcRange"):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")


def test_motos_refusal_passes_through_a_replacement(context: Context) -> None:
    actions.replace("ec2", "DeleteVpc", lambda call, _params: call.moto())
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        inprocess.client(context, "ec2").delete_vpc(VpcId="vpc-00000000")


def test_unimplemented_action_is_refused_by_name_and_not_retried(
    context: Context, served: server.Server
) -> None:
    with outside(context, "autoscaling", attempts=4) as client, pytest.raises(ClientError) as error:
        client.start_instance_refresh(AutoScalingGroupName="g")
    assert refusal(error) == ("NotImplemented", 400)
    assert "autoscaling:StartInstanceRefresh" in str(error.value)
    assert len(actions.calls("autoscaling", "StartInstanceRefresh")) == 1


def test_defect_is_told_and_not_retried(context: Context, served: server.Server) -> None:
    def handler(_call: actions.Call, _params: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("oops")

    actions.replace("elbv2", "DescribeRules", handler)
    with outside(context, "elbv2", attempts=4) as client, pytest.raises(ClientError) as error:
        client.describe_rules()
    assert refusal(error) == ("LabDefect", 400)
    assert len(actions.calls("elbv2")) == 1


def test_result_key_that_the_api_does_not_have_is_a_defect(context: Context) -> None:
    actions.replace("elbv2", "DescribeRules", lambda _call, _params: {"Rules": [{"Wait": 1}]})
    with pytest.raises(ClientError, match=r"DescribeRules.Rules\[\] has no Wait"):
        inprocess.client(context, "elbv2").describe_rules()


def test_unknown_action_cannot_be_replaced(context: Context) -> None:
    with pytest.raises(ValueError, match="elbv2 has no action ModifyEverything"):
        actions.replace("elbv2", "ModifyEverything", lambda _call, _params: None)


def test_handlers_run_under_the_lock_and_mutations_wake(context: Context) -> None:
    held: list[bool] = []

    def handler(_call: actions.Call, _params: dict[str, Any]) -> None:
        free = threading.Thread(
            target=lambda: held.append(not context.lock.acquire(blocking=False))
        )
        free.start()
        free.join()

    for action in ("DescribeTags", "SuspendProcesses"):
        actions.replace("autoscaling", action, handler)
    client = inprocess.client(context, "autoscaling")
    client.describe_tags()
    assert not context.wake.is_set()
    client.suspend_processes(AutoScalingGroupName="g")
    assert context.wake.is_set()
    assert held == [True, True]


def test_another_lab_replaces_the_one_before(context: Context) -> None:
    actions.replace("elbv2", "DescribeRules", lambda _call, _params: {"Rules": []})
    other = Context(context.directory / "other", 78, context.endpoint, context.clock)
    actions.install(other)
    assert not actions.gate().replaced.get(("elbv2", "DescribeRules"))
    with pytest.raises(RuntimeError, match="another lab"):
        inprocess.client(context, "elbv2")


def test_reset_forgets_everything(context: Context) -> None:
    sns = inprocess.client(context, "sns")
    sns.create_topic(Name="t")
    server.reset()
    assert sns.list_topics()["Topics"] == []


@pytest.mark.parametrize("body", [b"", b"x" * 300_000])
def test_objects_travel_whole(context: Context, served: server.Server, body: bytes) -> None:
    with outside(context, "s3") as s3:
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a/b c.txt", Body=body, Metadata={"my_key": "v"})
        assert s3.get_object(Bucket="bucket", Key="a/b c.txt")["Body"].read() == body
    inside = inprocess.client(context, "s3").get_object(Bucket="bucket", Key="a/b c.txt")
    assert inside["Body"].read() == body
    assert inside["Metadata"] == {"my_key": "v"}
    assert [entry.action for entry in actions.calls("s3", external=True)] == [
        "CreateBucket",
        "PutObject",
        "GetObject",
    ]


def test_log_tells_order_outcome_and_source_but_no_secrets(
    context: Context, served: server.Server
) -> None:
    with outside(context, "ssm") as ssm:
        ssm.put_parameter(Name="/p", Value="hunter2", Type="SecureString")
        with pytest.raises(ClientError):
            ssm.put_parameter(Name="/p", Value="hunter2", Type="SecureString")
    inside = inprocess.client(context, "ssm")
    inside.get_parameter(Name="/p")
    inside.delete_parameter(Name="/p")
    log = actions.calls("ssm")
    assert [(entry.action, entry.outcome) for entry in log] == [
        ("PutParameter", "ok"),
        ("PutParameter", "ParameterAlreadyExists"),
        ("DeleteParameter", "ok"),
    ]
    assert "Boto3" in log[0].source
    assert log[2].source == "lab"
    assert log[0].parameters["Name"] == "/p"
    lines = (context.directory / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == [entry.action for entry in log]
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [(Kind.THROTTLE, "Throttling", 400), (Kind.ERROR, "InternalFailure", 500)],
)
def test_faults_hit_outside_calls_as_often_as_asked(
    context: Context, served: server.Server, kind: Kind, code: str, status: int
) -> None:
    actions.faults().add(Fault(kind, "sns", "Create*", times=1))
    inprocess.client(context, "sns").create_topic(Name="inside")
    with outside(context, "sns") as sns:
        sns.list_topics()
        with pytest.raises(ClientError) as error:
            sns.create_topic(Name="t")
        assert refusal(error) == (code, status)
        sns.create_topic(Name="t")
    assert [entry.fault for entry in actions.calls("sns", "Create*")] == [None, kind.value, None]


def test_lost_reply_took_effect(context: Context, served: server.Server) -> None:
    actions.faults().add(Fault(Kind.LOST_REPLY, "ssm", "PutParameter", times=1))
    with outside(context, "ssm", attempts=2) as ssm, pytest.raises(ClientError) as error:
        ssm.put_parameter(Name="/p", Value="v", Type="String")  # botocore tries again
    assert refusal(error)[0] == "ParameterAlreadyExists"
    log = actions.calls("ssm")
    assert [(entry.outcome, entry.fault) for entry in log] == [
        ("ok", "lost_reply"),
        ("ParameterAlreadyExists", None),
    ]


def test_faults_and_log_over_http(context: Context, served: server.Server) -> None:
    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        url = context.endpoint + path
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310  loopback
            return json.load(answer)

    rules = ask("POST", "/_lab/faults", {"kind": "latency", "latency_s": 0.01, "action": "List*"})
    assert rules == ask("GET", "/_lab/faults")
    with outside(context, "sns") as sns:
        sns.list_topics()
    assert [entry["fault"] for entry in ask("GET", "/_lab/calls?service=sns")] == ["latency"]
    assert ask("DELETE", "/_lab/faults") == []
    for bad in ({"kind": "flood"}, {"kind": "error", "sevice": "sns"}):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask("POST", "/_lab/faults", bad)
        assert error.value.code == 400
        assert "not a fault" in error.value.read().decode()
        error.value.close()


def test_clients_at_once_lose_nothing(context: Context, served: server.Server) -> None:
    def work(name: int) -> None:
        with outside(context, "ec2") as ec2:
            for _ in range(5):
                ec2.create_vpc(CidrBlock="10.0.0.0/16")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = actions.calls("ec2", "CreateVpc")
    assert [entry.outcome for entry in log] == ["ok"] * 20


def test_the_file_of_the_audit_log_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_BYTES", 1000)
    log = audit.Audit(tmp_path)
    for number in range(50):
        log.record(
            at=0.0, service="s3", action=f"Put{number}", parameters={}, outcome="ok", source="x"
        )
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) <= {"audit.jsonl", "audit.before.jsonl"}
    assert all(size < 1300 for size in sizes.values())
    assert len(log.calls()) == 50

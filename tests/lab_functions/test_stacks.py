"""Functions as stacks make them."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from deployer.lab.cloudformation import api
from deployer.lab.cloudformation.engine import Engine
from tests.lab_core.stacks import Cloud, template
from tests.lab_functions.conftest import Lambdas, zipped

ALLOWED = {"Capabilities": ["CAPABILITY_IAM"]}
SOURCE = "import os\ndef handler(event, context): return os.environ['WORD']"


@pytest.fixture
def cloud(lab: Lambdas) -> Iterator[Cloud]:
    engine: Engine = api.install(lab.context)
    with closing(engine):
        yield Cloud(lab.context, engine)


def function(code: dict[str, Any], word: str, **more: Any) -> dict[str, Any]:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": code,
                "Handler": "index.handler",
                "Runtime": "python3.11",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"WORD": word}},
                **more,
            },
        },
        "Events": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 0,
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]},
                "Principal": "events.amazonaws.com",
                "SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r",
            },
        },
    }


def test_the_life_of_a_function_in_a_stack(lab: Lambdas, cloud: Cloud) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="assets")
    s3.put_object(Bucket="assets", Key="code.zip", Body=zipped({"index.py": SOURCE}))
    code = {"S3Bucket": "assets", "S3Key": "code.zip"}
    made = cloud.create("functions", template(function(code, "one")), **ALLOWED)
    assert made["StackStatus"] == "CREATE_COMPLETE", cloud.reasons("functions")
    name = cloud.physical_ids("functions")["Function"]
    assert lab.call(name)[0] == "one"
    policy = json.loads(lab.api.get_policy(FunctionName=name)["Policy"])
    assert policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"].endswith("rule/r")
    settings = lab.api.get_function_event_invoke_config(FunctionName=name)
    assert settings["MaximumRetryAttempts"] == 0

    inline = {"ZipFile": SOURCE.replace("['WORD']", "['WORD'] * 2")}
    more = {"Timeout": 60, "ReservedConcurrentExecutions": 1}
    changed = cloud.update("functions", template(function(inline, "two", **more)), **ALLOWED)
    assert changed["StackStatus"] == "UPDATE_COMPLETE", cloud.reasons("functions")
    assert cloud.physical_ids("functions")["Function"] == name
    assert lab.call(name)[0] == "twotwo"
    found = lab.api.get_function(FunctionName=name)
    assert found["Configuration"]["Timeout"] == 60
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 1}

    cloud.delete("functions")
    assert name not in {one["FunctionName"] for one in lab.api.list_functions()["Functions"]}


def test_code_that_is_not_there_fails_the_stack(lab: Lambdas, cloud: Cloud) -> None:
    code = {"S3Bucket": "assets", "S3Key": "nothing.zip"}
    cloud.create("missing", template(function(code, "one")), **ALLOWED)
    assert "S3 Error Code: NoSuch" in cloud.reasons("missing")["Function"]

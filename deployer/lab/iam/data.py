"""What calls of the other services need: storage, parameters, metrics, stacks, functions. Pure.

Source: Service Authorization Reference; S3 also "Required permissions for Amazon S3 API
operations", DynamoDB "Using IAM with transactions".
"""

from collections.abc import Callable, Sequence
from typing import Any

from deployer.lab.iam.asked import Ask
from deployer.lab.iam.mapping import (
    Facts,
    Needs,
    Params,
    Table,
    anywhere,
    arn,
    nothing,
    request_tags,
)

Subject = Callable[[Params, Facts], str]


def _of(action: str, subject: Subject) -> Needs:
    return lambda params, facts: (Ask(action, subject(params, facts)),)


# -- CloudFormation


def _stack(params: Params, facts: Facts) -> str:
    """By name the id is not known; without a name all stacks are asked for."""
    name = params.get("StackName", "")
    if not name or name.startswith("arn:"):
        return name or "*"
    return arn(facts, "cloudformation", f"stack/{name}/*")


def _changing(action: str) -> Needs:
    """With a role that CloudFormation is to use, that role is passed to it."""

    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        asked = [Ask(f"cloudformation:{action}", _stack(params, facts))]
        if params.get("RoleARN"):
            keys = {"iam:passedtoservice": ("cloudformation.amazonaws.com",)}
            asked.append(Ask("iam:PassRole", params["RoleARN"], keys))
        return asked

    return needs


_STACK = (
    *("DescribeChangeSet", "DescribeStackEvents", "DescribeStackResource", "DescribeEvents"),
    *("DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate"),
    *("GetTemplateSummary", "ListChangeSets", "ListStackResources", "DeleteChangeSet"),
    *("DetectStackDrift", "UpdateTerminationProtection", "DescribeStackResourceDrifts"),
)
_STACK_CHANGES = (
    *("CreateChangeSet", "CreateStack", "UpdateStack", "DeleteStack", "RollbackStack"),
    *("ContinueUpdateRollback",),
)
_STACKS = ("ListExports", "ListImports", "ListStacks", "DescribeStackDriftDetectionStatus")
CLOUDFORMATION = Table(
    "cloudformation",
    {
        **{name: _of(f"cloudformation:{name}", _stack) for name in _STACK},
        **{name: _changing(name) for name in _STACK_CHANGES},
        **{name: anywhere(f"cloudformation:{name}") for name in _STACKS},
        "ValidateTemplate": anywhere("cloudformation:ValidateTemplate"),
    },
)

# -- CloudWatch


def _alarms(_params: Params, facts: Facts) -> str:
    """All of them, whichever names are asked for: that is how AWS words its refusal."""
    return arn(facts, "cloudwatch", "alarm:*")


def _put_metrics(params: Params, _facts: Facts) -> Sequence[Ask]:
    keys = {"cloudwatch:namespace": (str(params["Namespace"]),)}
    return (Ask("cloudwatch:PutMetricData", keys=keys),)


CLOUDWATCH = Table(
    "cloudwatch",
    {
        "DescribeAlarms": _of("cloudwatch:DescribeAlarms", _alarms),
        "GetMetricData": anywhere("cloudwatch:GetMetricData"),
        "GetMetricStatistics": anywhere("cloudwatch:GetMetricStatistics"),
        "ListMetrics": anywhere("cloudwatch:ListMetrics"),
        "PutMetricData": _put_metrics,
    },
)

# -- DynamoDB

_ITEM_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _table(params: Params, facts: Facts) -> str:
    table = arn(facts, "dynamodb", f"table/{params['TableName']}")
    if params["TableName"].startswith("arn:"):
        table = params["TableName"]
    return f"{table}/index/{params['IndexName']}" if params.get("IndexName") else table


def _transaction(params: Params, facts: Facts) -> Sequence[Ask]:
    """A transaction has no action of its own: each of its items needs its own."""
    asked = {
        (f"dynamodb:{_ITEM_ACTIONS[kind]}", _table(item, facts))
        for each in params["TransactItems"]
        for kind, item in each.items()
    }
    return [Ask(*each) for each in sorted(asked)]


def _batch(params: Params, facts: Facts) -> Sequence[Ask]:
    """Authorized on each table that it reads."""
    return [
        Ask("dynamodb:BatchGetItem", _table({"TableName": name}, facts))
        for name in sorted(params["RequestItems"])
    ]


_TABLE = (
    *("DeleteItem", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "GetItem"),
    *("PutItem", "Query", "Scan", "UpdateItem"),
)
DYNAMODB = Table(
    "dynamodb",
    {
        **{name: _of(f"dynamodb:{name}", _table) for name in _TABLE},
        "BatchGetItem": _batch,
        "TransactGetItems": _transaction,
        "TransactWriteItems": _transaction,
    },
)

# -- Lambda


def _function(params: Params, facts: Facts) -> str:
    """`name`, `name:version`, `account:function:name`, or an ARN; a Qualifier comes behind it."""
    name = params["FunctionName"]
    rest = name.partition("function:")[2] if ":function:" in name else name
    found = name if name.startswith("arn:") else arn(facts, "lambda", f"function:{rest}")
    return f"{found}:{params['Qualifier']}" if params.get("Qualifier") else found


def _passing(action: str) -> Needs:
    """With the role that the function is to run under, that role is passed to Lambda."""

    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        asked = [Ask(f"lambda:{action}", _function(params, facts))]
        if params.get("Role"):
            keys = {"iam:passedtoservice": ("lambda.amazonaws.com",)}
            asked.append(Ask("iam:PassRole", params["Role"], keys))
        return asked

    return needs


_FUNCTION = (
    *("GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode", "DeleteFunction"),
    *("GetPolicy", "GetFunctionConcurrency", "PutFunctionConcurrency"),
)
LAMBDA = Table(
    "lambda",
    {
        **{name: _of(f"lambda:{name}", _function) for name in _FUNCTION},
        "CreateFunction": _passing("CreateFunction"),
        "Invoke": _of("lambda:InvokeFunction", _function),
        "ListFunctions": anywhere("lambda:ListFunctions"),
        "UpdateFunctionConfiguration": _passing("UpdateFunctionConfiguration"),
    },
)

# -- CloudWatch Logs


def _log_group(params: Params, facts: Facts) -> str:
    group = params.get("logGroupName") or params.get("logGroupNamePrefix") or "*"
    return arn(facts, "logs", f"log-group:{group}")


def _log_stream(params: Params, facts: Facts) -> str:
    """Of what concerns a stream: so AWS words its refusals of CreateLogStream too."""
    return f"{_log_group(params, facts)}:log-stream:{params['logStreamName']}"


LOGS = Table(
    "logs",
    {
        "CreateLogGroup": _of("logs:CreateLogGroup", _log_group),
        "CreateLogStream": _of("logs:CreateLogStream", _log_stream),
        "DescribeLogStreams": _of("logs:DescribeLogStreams", _log_group),
        "FilterLogEvents": _of("logs:FilterLogEvents", _log_group),
        "GetLogEvents": _of("logs:GetLogEvents", _log_stream),
        "PutLogEvents": _of("logs:PutLogEvents", _log_stream),
    },
)

# -- SNS


def _publish(params: Params, _facts: Facts) -> Sequence[Ask]:
    to = params.get("TopicArn") or params.get("TargetArn") or "*"
    return (Ask("sns:Publish", to),)


SNS = Table("sns", {"Publish": _publish})

# -- EventBridge


def _buses(params: Params, facts: Facts) -> Sequence[Ask]:
    """One for each bus that gets an event; without a name it is the account's own."""
    names = dict.fromkeys(each.get("EventBusName", "default") for each in params["Entries"])
    return tuple(
        Ask(
            "events:PutEvents",
            name if name.startswith("arn:") else arn(facts, "events", f"event-bus/{name}"),
        )
        for name in names
    )


EVENTS = Table("events", {"PutEvents": _buses})

# -- Secrets Manager


def _secret(params: Params, facts: Facts) -> str:
    """By name the six letters at the end of its ARN are not known: `?` stands for them."""
    name = params["SecretId"]
    return (
        name if name.startswith("arn:") else arn(facts, "secretsmanager", f"secret:{name}-??????")
    )


SECRETS = Table(
    "secretsmanager",
    {"GetSecretValue": _of("secretsmanager:GetSecretValue", _secret)},
)

# -- S3


def _bucket(params: Params, _facts: Facts) -> str:
    return f"arn:aws:s3:::{params['Bucket']}"


def _object(params: Params, facts: Facts) -> str:
    return f"{_bucket(params, facts)}/{params['Key']}"


def _listing(params: Params, facts: Facts) -> Sequence[Ask]:
    given = {"s3:prefix": params.get("Prefix"), "s3:delimiter": params.get("Delimiter")}
    keys = {key: (str(value),) for key, value in given.items() if value}
    return (Ask("s3:ListBucket", _bucket(params, facts), keys),)


def _versioned(action: str) -> Needs:
    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        spelled = f"{action}Version" if params.get("VersionId") else action
        return (Ask(spelled, _object(params, facts)),)

    return needs


def _put_object(params: Params, facts: Facts) -> Sequence[Ask]:
    asked = [Ask("s3:PutObject", _object(params, facts))]
    if params.get("Tagging"):
        asked.append(Ask("s3:PutObjectTagging", asked[0].resource))
    return asked


_BUCKET_READS = {
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "HeadBucket": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
}
S3 = Table(
    "s3",
    {
        **{name: _of(action, _bucket) for name, action in _BUCKET_READS.items()},
        **dict.fromkeys(("ListObjects", "ListObjectsV2"), _listing),
        **dict.fromkeys(("GetObject", "HeadObject"), _versioned("s3:GetObject")),
        "DeleteObject": _versioned("s3:DeleteObject"),
        "PutObject": _put_object,
    },
)

# -- Resource Groups Tagging API, SSM, STS

TAGGING = Table("tag", {"GetResources": anywhere("tag:GetResources")})


def _parameter(facts: Facts, name: str) -> str:
    return arn(facts, "ssm", name if name.startswith("arn:") else f"parameter/{name.lstrip('/')}")


def _parameters(params: Params, facts: Facts) -> Sequence[Ask]:
    return [Ask("ssm:GetParameters", _parameter(facts, name)) for name in params["Names"]]


SSM = Table(
    "ssm",
    {
        "GetParameter": _of(
            "ssm:GetParameter", lambda params, facts: _parameter(facts, params["Name"])
        ),
        "GetParameters": _parameters,
    },
)


def _assume(params: Params, _facts: Facts) -> Sequence[Ask]:
    keys: dict[str, Any] = {"sts:rolesessionname": (str(params["RoleSessionName"]),)}
    if params.get("ExternalId"):
        keys["sts:externalid"] = (str(params["ExternalId"]),)
    tags = request_tags(params.get("Tags", ()))
    asked = [Ask("sts:AssumeRole", params["RoleArn"], {**keys, **tags})]
    if tags:
        asked.append(Ask("sts:TagSession", params["RoleArn"], tags))
    return asked


STS = Table("sts", {"AssumeRole": _assume, "GetCallerIdentity": nothing})

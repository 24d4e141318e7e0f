"""AWS::Lambda::Function, Permission and EventInvokeConfig: what CDK's `Function` makes."""

import io
import zipfile
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

_CONFIGURATION = (
    "Role Handler Runtime Description Timeout MemorySize Environment DeadLetterConfig TracingConfig "
    "LoggingConfig EphemeralStorage"
)


def _code(work: Work) -> dict[str, Any]:
    """As the API wants it: code that stands in the template is a zip with one file `index.py`."""
    given = work.need("Code")
    if "ZipFile" not in given:
        return dict(given)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), given["ZipFile"])
    return {"ZipFile": made.getvalue()}


def _create(work: Work) -> None:
    name = work.get("FunctionName") or work.name(64)
    work.api(
        "lambda",
        "create_function",
        FunctionName=name,
        Code=_code(work),
        Tags={tag["Key"]: tag["Value"] for tag in work.all_tags()} or None,
        **work.pick(*_CONFIGURATION.split(), "Architectures", "PackageType"),
    )
    work.physical_id = name
    _set_concurrency(work)


def _set_concurrency(work: Work) -> None:
    wanted = work.get("ReservedConcurrentExecutions")
    if wanted is not None:
        work.api(
            "lambda",
            "put_function_concurrency",
            FunctionName=work.id,
            ReservedConcurrentExecutions=wanted,
        )
    elif "ReservedConcurrentExecutions" in work.before:
        work.api("lambda", "delete_function_concurrency", FunctionName=work.id)


def _update(work: Work) -> None:
    taken = [
        name
        for name in _CONFIGURATION.split()
        if name in work.before and name not in work.properties
    ]
    if taken:
        raise work.refuse(f"taking back {', '.join(taken)}")
    if work.changed("Code"):
        work.api("lambda", "update_function_code", FunctionName=work.id, **_code(work))
    if work.changed(*_CONFIGURATION.split()):
        work.api(
            "lambda",
            "update_function_configuration",
            FunctionName=work.id,
            **work.pick(*_CONFIGURATION.split()),
        )
    if work.changed("ReservedConcurrentExecutions"):
        _set_concurrency(work)
    tags = {tag["Key"]: tag["Value"] for tag in work.all_tags()}
    if tags:
        work.api("lambda", "tag_resource", Resource=_arn(work), Tags=tags)
    if work.removed_tags():
        work.api("lambda", "untag_resource", Resource=_arn(work), TagKeys=work.removed_tags())


def _arn(work: Work) -> str:
    context = work.api.context
    return f"arn:aws:lambda:{context.region}:{context.account}:function:{work.id}"


def _delete(work: Work) -> None:
    work.api("lambda", "delete_function", FunctionName=work.id)


def _permit(work: Work) -> None:
    work.physical_id = work.name(100)
    work.api(
        "lambda",
        "add_permission",
        StatementId=work.id,
        **work.pick("FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"),
    )


def _forbid(work: Work) -> None:
    name = work.need("FunctionName")
    work.api("lambda", "remove_permission", FunctionName=name, StatementId=work.id)


def _put_asynchronous(work: Work) -> None:
    work.api(
        "lambda",
        "put_function_event_invoke_config",
        FunctionName=work.need("FunctionName"),
        Qualifier=work.need("Qualifier"),
        **work.pick("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"),
    )
    work.physical_id = work.physical_id or work.name(100)


def _drop_asynchronous(work: Work) -> None:
    name = work.need("FunctionName")
    work.api("lambda", "delete_function_event_invoke_config", FunctionName=name)


KINDS: list[Kind] = [
    kind(
        "AWS::Lambda::Function",
        f"Code ReservedConcurrentExecutions Tags {_CONFIGURATION}",
        fixed="FunctionName PackageType",
        frozen="Architectures",
        create=_create,
        update=_update,
        delete=_delete,
        read=lambda work: {"Arn": _arn(work)},
    ),
    kind(
        "AWS::Lambda::Permission",
        "",
        fixed="FunctionName Action Principal SourceArn SourceAccount",
        create=_permit,
        delete=_forbid,
        read=lambda work: {"Id": work.id},
    ),
    kind(
        "AWS::Lambda::EventInvokeConfig",
        "MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig",
        fixed="FunctionName Qualifier",
        create=_put_asynchronous,
        update=_put_asynchronous,
        delete=_drop_asynchronous,
    ),
]

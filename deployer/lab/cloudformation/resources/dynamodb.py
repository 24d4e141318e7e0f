"""AWS::DynamoDB::Table and GlobalTable (what CDK's TableV2 makes), in the lab's one region."""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

_CREATE = (
    "KeySchema AttributeDefinitions BillingMode ProvisionedThroughput GlobalSecondaryIndexes "
    "LocalSecondaryIndexes TableClass DeletionProtectionEnabled"
)
_UPDATABLE = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass")
_REPLICA = {"Region", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"}


def _encryption(work: Work) -> dict[str, Any] | None:
    given = work.get("SSESpecification")
    if given is None:
        return None
    enabled = {"Enabled": given.get("SSEEnabled", False)}
    return enabled | {key: given[key] for key in ("SSEType", "KMSMasterKeyId") if key in given}


def _stream(work: Work) -> dict[str, Any] | None:
    given = work.get("StreamSpecification")
    return None if given is None else {"StreamEnabled": True, **given}


def _create(work: Work) -> None:
    name = work.get("TableName") or work.name()
    work.api(
        "dynamodb",
        "create_table",
        TableName=name,
        SSESpecification=_encryption(work),
        StreamSpecification=_stream(work),
        Tags=work.all_tags() or None,
        **work.pick(*_CREATE.split()),
    )
    work.physical_id = name
    _set_extras(work)


def _set_extras(work: Work) -> None:
    if work.changed("TimeToLiveSpecification"):
        wanted = work.get("TimeToLiveSpecification") or {
            **work.before["TimeToLiveSpecification"],
            "Enabled": False,
        }
        work.api(
            "dynamodb",
            "update_time_to_live",
            TableName=work.id,
            TimeToLiveSpecification={"Enabled": True, **wanted},
        )
    if work.changed("PointInTimeRecoverySpecification"):
        wanted = work.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
        work.api(
            "dynamodb",
            "update_continuous_backups",
            TableName=work.id,
            PointInTimeRecoverySpecification=wanted,
        )


def _update(work: Work) -> None:
    for name in ("GlobalSecondaryIndexes", "SSESpecification", "StreamSpecification"):
        if work.changed(name):
            raise work.refuse(f"an update of {name}")
    if work.changed(*_UPDATABLE):
        defaults = {"DeletionProtectionEnabled": False}
        changed = {name: work.get(name, defaults.get(name)) for name in _UPDATABLE}
        work.api("dynamodb", "update_table", TableName=work.id, **changed)
    _set_extras(work)
    arn = _read(work)["Arn"]
    if work.all_tags():
        work.api("dynamodb", "tag_resource", ResourceArn=arn, Tags=work.all_tags())
    if work.removed_tags():
        work.api("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=work.removed_tags())


def _delete(work: Work) -> None:
    work.api("dynamodb", "delete_table", TableName=work.id)


def _read(work: Work) -> dict[str, Any]:
    table = work.api("dynamodb", "describe_table", TableName=work.id)["Table"]
    stream = table.get("LatestStreamArn")
    ids = {"Arn": table["TableArn"], "TableId": table.get("TableId", work.id)}
    return ids | ({"StreamArn": stream} if stream else {})


def _single(properties: dict[str, Any], work: Work) -> dict[str, Any]:
    """A global table's properties as those of a table: one replica, here.

    Raises:
        NotSimulated: another region, or a replica setting that is not known.
    """
    if not properties:
        return {}
    replicas = properties.get("Replicas", [])
    if [one.get("Region") for one in replicas] != [work.api.context.region]:
        raise work.refuse("Replicas other than one in the lab's region")
    unknown = sorted(set(replicas[0]) - _REPLICA)
    if unknown:
        raise work.refuse(f"{', '.join(unknown)} of a replica")
    own = {key: value for key, value in replicas[0].items() if key != "Region"}
    return {key: value for key, value in properties.items() if key != "Replicas"} | own


def _globally(act: Any) -> Any:
    def acted(work: Work) -> None:
        work.properties, work.before = (
            _single(each, work) for each in (work.properties, work.before)
        )
        act(work)

    return acted


KINDS: list[Kind] = [
    kind(
        "AWS::DynamoDB::Table",
        f"{_CREATE} PointInTimeRecoverySpecification SSESpecification TimeToLiveSpecification "
        "StreamSpecification Tags",
        fixed="TableName KeySchema",
        frozen="LocalSecondaryIndexes AttributeDefinitions",
        create=_create,
        update=_update,
        delete=_delete,
        read=_read,
    ),
    kind(
        "AWS::DynamoDB::GlobalTable",
        "BillingMode GlobalSecondaryIndexes Replicas SSESpecification StreamSpecification "
        "TimeToLiveSpecification",
        fixed="TableName KeySchema",
        frozen="LocalSecondaryIndexes AttributeDefinitions",
        create=_globally(_create),
        update=_globally(_update),
        delete=_delete,
        read=_read,
    ),
]

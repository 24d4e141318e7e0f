"""Long answers are read as botocore reads them: the same document, only sooner."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, Shape, ShapeResolver, StructureShape
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.model import ServiceModel
from moto.core.serialize import QuerySerializer

from deployer.aws import answers

OPERATIONS = {
    "autoscaling": "DescribeAutoScalingGroups",
    "elbv2": "DescribeTargetHealth",
}
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "double": st.integers(-9, 9).map(float),
    "float": st.integers(-9, 9).map(float),
    "integer": st.integers(-(2**31), 2**31),
    "long": st.integers(0, 2**40),
    "string": TEXTS,
    "timestamp": st.datetimes(timezones=st.none()).map(lambda at: at.replace(microsecond=0)),
}


def model(service: str) -> OperationModel:
    client: Any = boto3.session.Session(region_name="us-east-1").client(service)  # type: ignore[call-overload]
    found: OperationModel = client.meta.service_model.operation_model(OPERATIONS[service])
    return found


MODELS = {service: model(service) for service in OPERATIONS}


def documents(shape: Shape) -> st.SearchStrategy[Any]:
    """Anything that the service may say, by its model."""
    if isinstance(shape, StructureShape):
        members = {name: documents(each) for name, each in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if isinstance(shape, ListShape):
        return st.lists(documents(shape.member), max_size=2)
    return SCALARS[shape.type_name]


def written(service: str, document: dict[str, Any]) -> bytes:
    """As the service writes it."""
    description = Loader().load_service_model(service, "service-2")
    operation = ServiceModel(description, service).operation_model(OPERATIONS[service])
    body = QuerySerializer(operation).serialize(document)["body"]
    return body if isinstance(body, bytes) else body.encode()


def by_botocore(service: str, body: bytes) -> dict[str, Any]:
    shape: Any = MODELS[service].output_shape
    answer = {"body": body, "headers": {}, "status_code": 200}
    return dict(create_parser("query").parse(answer, shape))


@pytest.mark.parametrize("service", OPERATIONS)
@settings(max_examples=30)
@given(st.data())
def test_the_same_as_botocore(service: str, data: st.DataObject) -> None:
    shape = MODELS[service].output_shape
    assert shape is not None
    body = written(service, data.draw(documents(shape).filter(bool)))
    found = answers.split(MODELS[service], body, 200)
    assert found is not None
    result, rest = found
    assert {**by_botocore(service, rest), **result} == by_botocore(service, body)
    assert set(by_botocore(service, rest)) == {"ResponseMetadata"}


GROUPS = b"<D><DescribeAutoScalingGroupsResult>%b</DescribeAutoScalingGroupsResult>%b</D>"
METADATA = b"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (GROUPS % (b"<AutoScalingGroups/>", METADATA), 400),
        (GROUPS % (b"<AutoScalingGroups/>", METADATA), 503),
        (GROUPS % (b"<AutoScalingGroups/>", b""), 200),
        (GROUPS % (b'<AutoScalingGroups xmlns="a" xmlns:b="c"/>', METADATA), 200),
        (GROUPS % (b"<AutoScalingGroups>", METADATA), 200),
        (b"<html>a proxy</html>", 200),
        (b"<D><Other/>" + METADATA + b"</D>", 200),
        (b"", 200),
    ],
)  # fmt: skip
def test_whatever_is_not_plain_is_left_to_botocore(body: bytes, status: int) -> None:
    assert answers.split(MODELS["autoscaling"], body, status) is None
    answer = {"body": body}
    beside: dict[str, Any] = {}
    answers.take_over(MODELS["autoscaling"], {**answer, "status_code": status}, beside)
    assert (answer["body"], beside) == (body, {})


def test_what_has_not_changed_is_not_read_again() -> None:
    answers.understood.cache_clear()
    before = answers.understood.cache_info().misses
    for request in (b"1", b"2", b"3"):
        metadata = b"<ResponseMetadata><RequestId>" + request + b"</RequestId></ResponseMetadata>"
        body = GROUPS % (b"<AutoScalingGroups><member/></AutoScalingGroups>", metadata)
        found = answers.split(MODELS["autoscaling"], body, 200)
        assert found is not None
        found[0]["NextToken"] = "altered by somebody"
        assert (
            by_botocore("autoscaling", found[1])["ResponseMetadata"]["RequestId"]
            == request.decode()
        )
    assert answers.understood.cache_info().misses == before + 1
    again = answers.split(MODELS["autoscaling"], body, 200)
    assert again is not None
    assert again[0] == {"AutoScalingGroups": [{}]}


SHAPES: Any = {"Blob": {"type": "blob"}}
NEWER = {
    "a protocol without a wrapper": StructureShape("Newer", {"type": "structure", "members": {}}),
    "a member of another kind": StructureShape(
        "Newer",
        {"type": "structure", "members": {"Blob": {"shape": "Blob"}}, "resultWrapper": "Newer"},
        ShapeResolver(SHAPES),
    ),
}


@pytest.mark.parametrize("shape", NEWER.values(), ids=NEWER)
def test_what_a_newer_model_says_is_left_to_botocore(shape: StructureShape) -> None:
    body = b"<D><Newer><Blob>eA==</Blob></Newer><ResponseMetadata></ResponseMetadata></D>"
    operation: Any = SimpleNamespace(output_shape=shape)
    assert answers.split(operation, body, 200) is None


def test_a_warm_pool_is_read_as_botocore_reads_it() -> None:
    """As AWS answers: whatever has an empty value is there too (aws-facts 3.2)."""
    pool = (
        b"<AutoScalingGroups><member><AutoScalingGroupName>shop-green</AutoScalingGroupName>"
        b"<WarmPoolConfiguration><MinSize>2</MinSize><PoolState>Stopped</PoolState>"
        b"<MaxGroupPreparedCapacity>3</MaxGroupPreparedCapacity><InstanceReusePolicy>"
        b"<ReuseOnScaleIn>false</ReuseOnScaleIn></InstanceReusePolicy></WarmPoolConfiguration>"
        b"<WarmPoolSize>2</WarmPoolSize></member></AutoScalingGroups>"
    )
    body = GROUPS % (pool, METADATA)
    found = answers.split(MODELS["autoscaling"], body, 200)
    assert found is not None
    (group,) = found[0]["AutoScalingGroups"]
    assert group["WarmPoolSize"] == 2
    assert group["WarmPoolConfiguration"]["InstanceReusePolicy"] == {"ReuseOnScaleIn": False}
    assert found[0]["AutoScalingGroups"] == by_botocore("autoscaling", body)["AutoScalingGroups"]

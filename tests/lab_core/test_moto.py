"""What the lab's core takes from inside moto: each fails here when moto changes beneath it."""

import inspect
import warnings
from typing import Any

import boto3
import moto
import pytest
from moto.core import errors, responses, utils
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.ec2.models import ec2_backends
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)

from deployer.lab import actions, inprocess, server
from deployer.lab.cloudformation import aws_policies
from deployer.lab.context import Context
from deployer.lab.shortcuts import Dispatcher
from tests.lab_core.stacks import Cloud


class Unheard(Exception):
    """As a service may raise one whose code botocore's model lacks."""

    code = "Unheard"


def test_version_is_the_one_that_was_read(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.install(context)
    monkeypatch.setattr(moto, "__version__", "5.3.0")
    with pytest.raises(RuntimeError, match=r"the lab needs moto 5\.2\.5, found 5\.3\.0"):
        actions.install(context)


def test_codecs() -> None:
    assert {"ec2", "json", "query", "rest-json", "rest-xml"} <= set(PROTOCOL_PARSERS)
    for parser in PROTOCOL_PARSERS.values():
        assert "timestamp_parser" in inspect.signature(parser).parameters
    model = get_service_model("sns").operation_model("ListTopics")
    answer = get_serializer_class("sns", "query")(operation_model=model).serialize({})
    assert set(answer) == {"body", "headers", "status_code"}


def test_router_tells_action_and_path_parameters() -> None:
    request = Request.from_primitives("GET", "http://localhost:7/bucket/a/b?acl", {})
    operation, found = get_service_router("s3").match(request)
    assert (operation.name, found) == ("GetObjectAcl", {"Bucket": "bucket", "Key": "a/b"})


def test_server_pieces() -> None:
    application: Any = DomainDispatcherApplication(create_backend_app)
    assert callable(application)
    assert create_backend_app("sns").debug  # else errors become pages before we see them
    assert hasattr(MotoRequestHandler, "make_environ")


def test_error_codes_that_no_model_has_raise_no_warning(context: Context) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        errors.get_error_model(Unheard(), get_service_model("sns"))
    assert heard == []


def test_policies_of_aws_can_be_put_into_an_account(cloud: Cloud) -> None:
    data = aws_policies.find("AmazonS3ReadOnlyAccess")
    assert data is not None
    made = AWSManagedPolicy.from_data("AmazonS3ReadOnlyAccess", "123456789012", "aws", data)
    assert made.arn == "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    assert aws_policies.find("AmazonS3ReadOnly") is None
    assert made.arn not in iam_backends["123456789012"]["aws"].managed_policies


def test_reset_reaches_every_service(context: Context) -> None:
    iam_backends["123456789012"]["aws"].create_user("us-east-1", user_name="u")
    server.reset()
    assert iam_backends["123456789012"]["aws"].users == {}


def test_service_models_are_read_once() -> None:
    first, second = boto3.Session(), boto3.Session()
    loaders: list[Any] = [each._session.get_component("data_loader") for each in (first, second)]
    assert loaders[0] is loaders[1]
    assert len(loaders[0].search_paths) == len(set(loaders[0].search_paths))
    assert utils.create_loader() is utils.create_loader()


def test_images_are_made_when_somebody_asks_for_them(context: Context) -> None:
    moto_ec2 = ec2_backends[context.account][context.region]
    assert not moto_ec2.images
    found = inprocess.client(context, "ec2").describe_images(Owners=["amazon"])["Images"]
    assert len(found) > 1000
    assert len(moto_ec2.images) >= len(found)
    server.reset()
    assert not ec2_backends[context.account][context.region].images


def test_what_moto_finds_for_each_request_is_found_once() -> None:
    assert responses.method_names_from_class is not utils.method_names_from_class
    for name in ("ec2", "autoscaling"):
        found = Dispatcher(create_backend_app)
        host = f"{name}.us-east-1.amazonaws.com"
        assert found.get_backend_for_host(host) == name
        plain = DomainDispatcherApplication(create_backend_app)
        assert plain.get_backend_for_host(host) == found.get_backend_for_host(host)
    assert found.get_backend_for_host(None) is None

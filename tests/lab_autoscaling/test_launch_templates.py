"""Launch templates through boto3: inheritance, idempotency, the default version, what is missing."""

from typing import Any

import pytest

from deployer.lab import ec2, inprocess
from deployer.lab.context import Context
from tests.lab_autoscaling.test_api_groups import refused

USER_DATA = "IyEvYmluL2Jhc2gK"
STACK_MADE = {
    "ImageId": "ami-1",
    "InstanceType": "t3.micro",
    "UserData": USER_DATA,
    "KeyName": "ops",
}
TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "deployer:release", "Value": "v1"}]}]


@pytest.fixture
def api(context: Context) -> Any:
    ec2.install()
    return inprocess.client(context, "ec2")


@pytest.fixture
def template(api: Any) -> str:
    made = api.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=STACK_MADE)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def versions(api: Any, template: str, **asked: Any) -> list[dict[str, Any]]:
    answer = api.describe_launch_template_versions(LaunchTemplateId=template, **asked)
    return list(answer["LaunchTemplateVersions"])


def new_version(api: Any, template: str, **asked: Any) -> dict[str, Any]:
    asked = {"LaunchTemplateData": {"TagSpecifications": TAGS}, **asked}
    answer = api.create_launch_template_version(LaunchTemplateId=template, **asked)
    return dict(answer["LaunchTemplateVersion"])


def test_a_version_inherits_from_its_source(api: Any, template: str) -> None:
    made = new_version(api, template, SourceVersion="1", VersionDescription="deployer:v1")
    assert made["VersionNumber"] == 2
    assert made["VersionDescription"] == "deployer:v1"
    assert made["DefaultVersion"] is False
    (read,) = versions(api, template, Versions=["2"])
    assert read["LaunchTemplateData"] == {**STACK_MADE, "TagSpecifications": TAGS}


def test_without_a_source_it_has_only_what_is_given(api: Any, template: str) -> None:
    new_version(api, template)
    (read,) = versions(api, template, Versions=["$Latest"])
    assert read["LaunchTemplateData"] == {"TagSpecifications": TAGS}


def test_what_is_given_wins_over_the_source(api: Any, template: str) -> None:
    new_version(api, template, SourceVersion="$Default", LaunchTemplateData={"ImageId": "ami-2"})
    (read,) = versions(api, template, Versions=["2"])
    assert read["LaunchTemplateData"] == {**STACK_MADE, "ImageId": "ami-2"}


def test_user_data_of_any_version_can_be_launched(api: Any, template: str) -> None:
    new_version(api, template, SourceVersion="1")
    new_version(api, template, LaunchTemplateData={"UserData": USER_DATA, "ImageId": "ami-1"})
    for version in ("2", "3"):
        launch = {"LaunchTemplateId": template, "Version": version}
        made = api.run_instances(LaunchTemplate=launch, MinCount=1, MaxCount=1)["Instances"][0]
        told = api.describe_instance_attribute(InstanceId=made["InstanceId"], Attribute="userData")
        assert told["UserData"]["Value"] == USER_DATA


def test_a_client_token_makes_it_once(api: Any, template: str) -> None:
    first = new_version(api, template, SourceVersion="1", ClientToken="abc")
    assert new_version(api, template, SourceVersion="1", ClientToken="abc") == first
    assert len(versions(api, template)) == 2
    code, _ = refused(
        api.create_launch_template_version,
        LaunchTemplateId=template,
        LaunchTemplateData={"ImageId": "ami-9"},
        ClientToken="abc",
    )
    assert code == "IdempotentParameterMismatch"
    one = {"LaunchTemplateName": "other", "LaunchTemplateData": STACK_MADE, "ClientToken": "t"}
    assert (
        api.create_launch_template(**one)["LaunchTemplate"]
        == api.create_launch_template(**one)["LaunchTemplate"]
    )


def test_only_modify_moves_the_default(api: Any, template: str) -> None:
    new_version(api, template, SourceVersion="1")
    (default,) = versions(api, template, Versions=["$Default"])
    assert default["VersionNumber"] == 1
    moved = api.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert moved["LaunchTemplate"]["DefaultVersionNumber"] == 2
    (default,) = versions(api, template, Versions=["$Default"])
    assert (default["VersionNumber"], default["DefaultVersion"]) == (2, True)
    (told,) = api.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"]
    assert (told["DefaultVersionNumber"], told["LatestVersionNumber"]) == (2, 2)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("describe_launch_template_versions", {"Versions": ["9"]}),
        ("create_launch_template_version", {"SourceVersion": "9", "LaunchTemplateData": {}}),
        ("modify_launch_template", {"DefaultVersion": "9"}),
    ],
)
def test_an_unknown_version_is_not_found(
    api: Any, template: str, call: str, asked: dict[str, Any]
) -> None:
    code, message = refused(getattr(api, call), LaunchTemplateId=template, **asked)
    assert code == "InvalidLaunchTemplateId.VersionNotFound"
    assert template in message


def test_an_unknown_template_is_not_found(api: Any) -> None:
    read = api.describe_launch_template_versions
    assert refused(read, LaunchTemplateId="lt-9")[0] == "InvalidLaunchTemplateId.NotFound"
    told = refused(read, LaunchTemplateName="nobody")[0]
    assert told == "InvalidLaunchTemplateName.NotFoundException"
    both = {"LaunchTemplateId": "lt-9", "LaunchTemplateName": "nobody"}
    assert refused(api.modify_launch_template, **both)[0] == "InvalidParameterCombination"
    assert refused(api.modify_launch_template)[0] == "MissingParameter"


def test_versions_by_number_range_filter_and_page(api: Any, template: str) -> None:
    for image in range(2, 6):
        new_version(api, template, LaunchTemplateData={"ImageId": f"ami-{image}"})

    def numbers(**asked: Any) -> list[int]:
        return [one["VersionNumber"] for one in versions(api, template, **asked)]

    assert numbers() == [1, 2, 3, 4, 5]
    assert numbers(MinVersion="2", MaxVersion="4") == [2, 3, 4]
    assert numbers(Versions=["5", "$Default"]) == [1, 5]
    assert numbers(Filters=[{"Name": "is-default-version", "Values": ["true"]}]) == [1]
    assert numbers(Filters=[{"Name": "image-id", "Values": ["ami-3"]}]) == [3]
    pages = api.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateId=template, PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["LaunchTemplateVersions"]) for page in pages]
    assert sizes == [2, 2, 1]
    latest = api.describe_launch_template_versions(Versions=["$Latest"])
    assert [one["VersionNumber"] for one in latest["LaunchTemplateVersions"]] == [5]
    odd = {"Filters": [{"Name": "kernel-id", "Values": ["k"]}]}
    call = api.describe_launch_template_versions
    assert refused(call, LaunchTemplateId=template, **odd)[0] == "NotImplemented"
    assert refused(call, LaunchTemplateId=template, MaxResults=201)[0] == "InvalidParameterValue"
    assert refused(call, LaunchTemplateId=template, NextToken="x")[0] == "InvalidNextToken"
    assert refused(call)[0] == "InvalidParameterValue"


def test_templates_by_name_and_tag(api: Any, template: str) -> None:
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "slot", "Value": "blue"}]}]
    api.create_launch_template(
        LaunchTemplateName="blue", LaunchTemplateData=STACK_MADE, TagSpecifications=tags
    )

    def names(**asked: Any) -> list[str]:
        found = api.describe_launch_templates(**asked)["LaunchTemplates"]
        return [one["LaunchTemplateName"] for one in found]

    assert names() == ["web", "blue"]
    assert names(LaunchTemplateNames=["blue"]) == ["blue"]
    assert names(Filters=[{"Name": "tag:slot", "Values": ["blue"]}]) == ["blue"]
    assert names(Filters=[{"Name": "tag-key", "Values": ["slot"]}]) == ["blue"]
    assert names(Filters=[{"Name": "launch-template-name", "Values": ["web"]}]) == ["web"]
    odd = [{"Name": "create-time", "Values": ["now"]}]
    assert refused(api.describe_launch_templates, Filters=odd)[0] == "NotImplemented"

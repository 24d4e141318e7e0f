"""What slots boot, against the lab's launch templates (SourceVersion, tokens and paging as EC2's)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws import launch_templates, versions
from deployer.aws.launch_templates import Boots, LaunchTemplates
from deployer.aws.session import Aws
from deployer.aws.versions import Version
from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable, NotFound
from deployer.lab import actions
from deployer.lab.chaos import Fault, Kind
from deployer.model import Release
from tests.contract.conftest import ManualClock

Admin = Callable[[str], Any]
STACK: dict[str, Any] = {
    "ImageId": "ami-11111111",
    "InstanceType": "t3.micro",
    "TagSpecifications": [
        {
            "ResourceType": "instance",
            "Tags": [{"Key": "Name", "Value": "shop"}, {"Key": "deployer:slot", "Value": "blue"}],
        },
        {"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "shop"}]},
    ],
}
V1 = Release("v1", "s3://artifacts/shop/v1.tar.gz")
V2 = Release("v2", "s3://artifacts/shop/v2.tar.gz")
AMI = "ami-11111111"
CARRIED_V1 = replace(V1, image=AMI)


@pytest.fixture
def template(admin: Admin, fresh: str) -> str:
    made = admin("ec2").create_launch_template(LaunchTemplateName=fresh, LaunchTemplateData=STACK)
    identifier: str = made["LaunchTemplate"]["LaunchTemplateId"]
    return identifier


@pytest.fixture
def templates(aws: Aws, clock: ManualClock) -> LaunchTemplates:
    return LaunchTemplates(aws, clock)


def described(admin: Admin, template: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin("ec2").describe_launch_template_versions(
        LaunchTemplateId=template
    )["LaunchTemplateVersions"]
    return found


def stack_update(admin: Admin, template: str, **data: Any) -> None:
    admin("ec2").create_launch_template_version(
        LaunchTemplateId=template, LaunchTemplateData={**STACK, **data}
    )


def test_a_template_of_the_stack_boots_no_release(
    templates: LaunchTemplates, template: str
) -> None:
    assert templates.boots([template])[template] == Boots(None, stale=False, stack_image=AMI)
    assert templates.release(template, 1) is None


def test_a_pinned_release_boots_with_its_tags_and_everything_inherited(
    templates: LaunchTemplates, template: str, admin: Admin
) -> None:
    templates.pin(template, V1)
    assert templates.boots([template])[template] == Boots(CARRIED_V1, stale=False, stack_image=AMI)
    assert templates.release(template, 2) == "v1"
    made = described(admin, template)[1]
    assert made["VersionDescription"] == "deployer:v1 from 1"
    assert made["DefaultVersion"]
    data = made["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == ("ami-11111111", "t3.micro")
    tags = {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in data["TagSpecifications"]
    }
    own = {"deployer:release": "v1", "deployer:artifact": V1.artifact}
    assert tags == {
        "instance": {"Name": "shop", "deployer:slot": "blue", **own},
        "volume": own,
        "network-interface": {"Name": "shop"},
    }


def test_pinning_again_changes_nothing_not_even_from_another_process(
    templates: LaunchTemplates, template: str, admin: Admin, aws: Aws, clock: ManualClock
) -> None:
    templates.pin(template, V1)
    before = len(actions.calls("ec2", "ModifyLaunchTemplate"))
    templates.pin(template, V1)
    LaunchTemplates(aws, clock).pin(template, V1)
    assert len(described(admin, template)) == 2
    assert len(actions.calls("ec2", "ModifyLaunchTemplate")) == before


def test_going_back_uses_the_version_that_is_there(
    templates: LaunchTemplates, template: str, admin: Admin
) -> None:
    for release in (V1, V2, V1):
        templates.pin(template, release)
    assert templates.boots([template])[template].release == CARRIED_V1
    assert len(described(admin, template)) == 3


def test_a_newer_version_of_the_stacks_makes_stale_and_is_inherited_next(
    templates: LaunchTemplates, template: str, admin: Admin
) -> None:
    templates.pin(template, V1)
    stack_update(admin, template, InstanceType="t3.large")
    assert templates.boots([template])[template] == Boots(CARRIED_V1, stale=True, stack_image=AMI)
    templates.pin(template, V1)
    assert templates.boots([template])[template] == Boots(CARRIED_V1, stale=False, stack_image=AMI)
    newest = described(admin, template)[-1]
    assert newest["VersionDescription"] == "deployer:v1 from 3"
    assert newest["LaunchTemplateData"]["InstanceType"] == "t3.large"


def test_an_image_of_the_releases_own_is_booted(
    templates: LaunchTemplates, template: str, admin: Admin
) -> None:
    baked = Release("v1", None, "ami-22222222")
    templates.pin(template, V1)
    templates.pin(template, baked)
    assert templates.boots([template])[template] == Boots(baked, stale=False, stack_image=AMI)
    newest = described(admin, template)[-1]["LaunchTemplateData"]
    assert newest["ImageId"] == "ami-22222222"
    keys = {tag["Key"] for each in newest["TagSpecifications"] for tag in each["Tags"]}
    assert "deployer:artifact" not in keys
    templates.pin(template, V1)
    assert len(described(admin, template)) == 3


def test_a_lost_reply_makes_no_second_version(
    templates: LaunchTemplates, template: str, admin: Admin, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "ec2", "CreateLaunchTemplateVersion", times=1))
    templates.pin(template, V1)
    assert len(described(admin, template)) == 2


def test_an_unanswered_creation_is_found_by_the_next_attempt(
    hasty: Aws, clock: ManualClock, template: str, admin: Admin, faults: Any
) -> None:
    templates = LaunchTemplates(hasty, clock)
    faults.add(Fault(Kind.LOST_REPLY, "ec2", "CreateLaunchTemplateVersion", times=1))
    with pytest.raises(CloudUnavailable, match="CreateLaunchTemplateVersion"):
        templates.pin(template, V1)
    assert templates.boots([template])[template].release is None
    templates.pin(template, V1)
    assert templates.boots([template])[template].release == CARRIED_V1
    assert len(described(admin, template)) == 2


def test_many_versions_are_read_in_pages_and_only_once(
    aws: Aws, clock: ManualClock, template: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_templates, "PAGE", 5)
    first = LaunchTemplates(aws, clock)
    for number in range(12):
        first.pin(template, Release(f"v{number}"))
    late = LaunchTemplates(aws, clock)
    before = len(actions.calls("ec2", "DescribeLaunchTemplateVersions"))
    assert late.boots([template])[template] == Boots(
        Release("v11", None, AMI), stale=False, stack_image=AMI
    )
    read = len(actions.calls("ec2", "DescribeLaunchTemplateVersions"))
    assert read - before <= 6, "three windows, read over two pages at most"
    assert late.boots([template])[template] == Boots(
        Release("v11", None, AMI), stale=False, stack_image=AMI
    )
    assert [late.release(template, n) for n in (1, 2, 13)] == [None, "v0", "v11"]
    assert len(actions.calls("ec2", "DescribeLaunchTemplateVersions")) == read


def test_the_search_for_the_stacks_version_stops_where_it_is(
    aws: Aws, clock: ManualClock, template: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = LaunchTemplates(aws, clock)
    for number in range(8):
        first.pin(template, Release(f"v{number}"))
    stack_update(admin, template)
    monkeypatch.setattr(launch_templates, "PAGE", 3)
    late = LaunchTemplates(aws, clock)
    before = len(actions.calls("ec2", "DescribeLaunchTemplateVersions"))
    assert late.boots([template])[template] == Boots(
        Release("v7", None, AMI), stale=True, stack_image=AMI
    )
    assert len(actions.calls("ec2", "DescribeLaunchTemplateVersions")) - before <= 2
    assert late.release(template, 3) == "v1", "older ones are read when an instance has one"


def test_a_template_that_is_gone_is_named(templates: LaunchTemplates) -> None:
    with pytest.raises(NotFound, match="lt-0123456789abcdef0"):
        templates.boots(["lt-0123456789abcdef0"])


def test_a_version_that_is_gone_has_no_release(templates: LaunchTemplates, template: str) -> None:
    templates.boots([template])
    assert templates.release(template, 77) is None


def answer(*found: dict[str, Any]) -> dict[str, Any]:
    return {"LaunchTemplateVersions": list(found)}


def row(number: int, description: str = "", **data: Any) -> dict[str, Any]:
    return {
        "LaunchTemplateId": "lt-1",
        "VersionNumber": number,
        "VersionDescription": description,
        "LaunchTemplateData": data,
    }


def summary(default: int, latest: int) -> dict[str, Any]:
    known = {"DefaultVersionNumber": default, "LatestVersionNumber": latest}
    return {"LaunchTemplates": [{"LaunchTemplateId": "lt-1", **known}]}


def test_a_new_version_that_cannot_be_found_yet_is_waited_for(
    aws: Aws, templates: LaunchTemplates, clock: ManualClock
) -> None:
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(1, 1))
        stub.add_response("describe_launch_template_versions", answer(row(1)))
        stub.add_response(
            "create_launch_template_version",
            {"LaunchTemplateVersion": row(2, "deployer:v1 from 1")},
        )
        for _ in range(2):
            stub.add_client_error(
                "modify_launch_template", "InvalidLaunchTemplateId.VersionNotFound"
            )
        stub.add_response("modify_launch_template", {})
        templates.pin("lt-1", V1)
        stub.assert_no_pending_responses()
    assert clock.slept == [launch_templates.SETTLE_S] * 2


def test_waiting_for_a_new_version_has_an_end(
    aws: Aws, templates: LaunchTemplates, clock: ManualClock
) -> None:
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(1, 2))
        stub.add_response(
            "describe_launch_template_versions",
            answer(
                row(1),
                row(
                    2,
                    "deployer:v1 from 1",
                    TagSpecifications=[
                        {
                            "ResourceType": kind,
                            "Tags": [
                                {"Key": "deployer:release", "Value": "v1"},
                                {"Key": "deployer:artifact", "Value": V1.artifact},
                            ],
                        }
                        for kind in ("instance", "volume")
                    ],
                ),
            ),
        )
        for _ in range(launch_templates.SETTLE_TRIES):
            stub.add_client_error(
                "modify_launch_template", "InvalidLaunchTemplateId.VersionNotFound"
            )
        with pytest.raises(CloudUnavailable, match="version 2 of lt-1"):
            templates.pin("lt-1", V1)
        stub.assert_no_pending_responses()
    assert sum(clock.slept) <= 10


def test_a_latest_version_that_cannot_be_seen_yet_is_looked_for_again(
    aws: Aws, templates: LaunchTemplates
) -> None:
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(1, 2))
        stub.add_response("describe_launch_template_versions", answer(row(1)))
        assert templates.boots(["lt-1"])["lt-1"] == Boots(None, stale=False, version=1)
        stub.add_response("describe_launch_templates", summary(1, 2))
        stub.add_response("describe_launch_template_versions", answer(row(1), row(2)))
        assert templates.boots(["lt-1"])["lt-1"] == Boots(None, stale=True, version=1)
        stub.add_response("describe_launch_templates", summary(1, 2))
        assert templates.boots(["lt-1"])["lt-1"] == Boots(None, stale=True, version=1)
        stub.assert_no_pending_responses()


def test_a_version_that_ec2_finds_fault_with_is_not_booted(
    aws: Aws, templates: LaunchTemplates
) -> None:
    warning = {"Errors": [{"Code": "InvalidAMIID.NotFound", "Message": "no such image"}]}
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(1, 1))
        stub.add_response("describe_launch_template_versions", answer(row(1)))
        stub.add_response(
            "create_launch_template_version",
            {"LaunchTemplateVersion": row(2, "deployer:v1 from 1"), "Warning": warning},
        )
        with pytest.raises(ChangeRefused, match=r"InvalidAMIID\.NotFound: no such image"):
            templates.pin("lt-1", V1)


def test_a_missing_permission_is_named(aws: Aws, templates: LaunchTemplates) -> None:
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(1, 1))
        stub.add_response("describe_launch_template_versions", answer(row(1)))
        stub.add_client_error(
            "create_launch_template_version", "UnauthorizedOperation", http_status_code=403
        )
        with pytest.raises(AccessProblem, match="ec2:CreateLaunchTemplateVersion"):
            templates.pin("lt-1", V1)


def test_without_a_version_of_the_stacks_nothing_is_made(
    aws: Aws, templates: LaunchTemplates
) -> None:
    with Stubber(aws.ec2) as stub:
        stub.add_response("describe_launch_templates", summary(2, 2))
        stub.add_response("describe_launch_template_versions", answer(row(2, "deployer:v1 from 1")))
        with pytest.raises(ChangeRefused, match="deploy the service stack"):
            templates.pin("lt-1", V2)


def test_a_description_by_another_hand_is_older_than_anything_the_stack_made() -> None:
    version = versions.understood(row(5, "deployer:by hand"))  # type: ignore[arg-type]
    assert (version.source, version.by_stack) == (0, False)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
maybe = st.none() | names
tag_sets = st.dictionaries(
    st.sampled_from(["instance", "volume", "network-interface"]),
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3),
)


@given(names, maybe, maybe, st.integers(1, 9999), tag_sets)
def test_what_is_made_is_recognised_as_what_was_needed(
    name: str, artifact: str | None, image: str | None, number: int, tags: dict[str, Any]
) -> None:
    source = Version(number, None, None, "ami-0", tags)
    release = Release(name, artifact, image)
    needed = versions.needed(release, source)
    data = {"ImageId": "ami-0", **needed}
    made = row(number + 1, versions.described(release, source), **data)
    version = versions.understood(made)  # type: ignore[arg-type]
    assert versions.carries(version, release, source)
    assert version.release is not None
    assert (version.release.name, version.release.artifact) == (name, artifact)
    assert not versions.carries(version, Release(name + "x", artifact, image), source)
    assert not versions.carries(version, Release(name, "s3://other", image), source)
    assert len(versions.token("lt-1", release, source)) <= 128
    assert len(versions.described(release, source)) <= 255

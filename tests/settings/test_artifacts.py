"""Where a release's artifact lies, and what an instance may read."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import UsageError
from deployer.settings.artifacts import Location, location, objection, resolve
from deployer.settings.reading import load
from deployer.settings.schema import ReleaseSettings, Settings

SETTINGS = load(Path(__file__).parents[2] / "deployer.example.toml")
TEMPLATES = [
    "s3://{bucket}/{service}/{release}.tar.gz",
    "s3://{bucket}/{release}",
    "s3://common-artifacts/apps/{service}-{release}/bundle.tgz",
    "s3://{service}-artifacts/{release}.tgz",
]


def with_template(template: str) -> Settings:
    return msgspec.structs.replace(SETTINGS, release=ReleaseSettings(artifact=template))


def test_a_release_becomes_an_uri() -> None:
    assert resolve(SETTINGS, "v1", "b-1") == "s3://b-1/shop/v1.tar.gz"


@pytest.mark.parametrize("name", ["", "../v1", "v 1", "-v", "a/b", "v{bucket}", "v" * 101, "é"])
def test_a_name_that_could_escape_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a release name"):
        resolve(SETTINGS, name, "b")


@pytest.mark.parametrize("template", TEMPLATES)
@given(release=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_every_artifact_lies_where_instances_may_read(template: str, release: str) -> None:
    settings = with_template(template)
    where = location(settings)
    bucket = where.bucket or "own-bucket"
    assert resolve(settings, release, "own-bucket").startswith(f"s3://{bucket}/{where.prefix}")


@pytest.mark.parametrize(
    ("template", "where"),
    list(
        zip(
            TEMPLATES,
            [
                Location(None, "shop/"),
                Location(None, ""),
                Location("common-artifacts", "apps/shop-"),
                Location("shop-artifacts", ""),
            ],
            strict=True,
        )
    ),
)
def test_instances_may_read_the_part_before_the_release(template: str, where: Location) -> None:
    assert location(with_template(template)) == where


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_good_template_has_no_objection(template: str) -> None:
    assert objection(template) is None


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("s3://{bucket}/{version}", "no other braces"),
        ("s3://{bucket}/{release}}", "no other braces"),
        ("s3://{bucket}/{}", "no other braces"),
        ("https://x/{release}", "s3://BUCKET/KEY"),
        ("s3://{release}", "s3://BUCKET/KEY"),
        ("s3://{bucket}/app.tgz", "once, in the key"),
        ("s3://{bucket}/{release}/{release}", "once, in the key"),
        ("s3://x-{release}/{release}", "once, in the key"),
        ("s3://x-{bucket}/{release}", "whole name of the bucket"),
        ("s3://x/{bucket}/{release}", "whole name of the bucket"),
    ],
)
def test_a_bad_template_is_told(template: str, wrong: str) -> None:
    assert wrong in (objection(template) or "")

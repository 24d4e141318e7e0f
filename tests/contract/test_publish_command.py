"""`deployer --output json publish`, over the lab's S3."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deployer.cli.main import cli
from deployer.lab.context import Context
from tests.cli.recorded import hold, still_said

FOREIGN = """
[service]
name = "shop"
[environments.prod]
region = "us-east-1"
instances = 1
[environments.prod.existing]
listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/1/2"
url = "http://shop.example"
blue_target_group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/1"
green_target_group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/green/1"
blue_launch_template = "lt-0123456789abcdef0"
green_launch_template = "lt-0123456789abcdef1"
blue_group = "shop-blue"
green_group = "shop-green"
journal_table = "journal"
artifact_bucket = "releases-of-shop"
"""


def test_it_says_what_lies_where(
    tmp_path: Path,
    context: Context,
    admin: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin("s3").create_bucket(Bucket="releases-of-shop")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "lab")
    monkeypatch.setenv("AWS_ENDPOINT_URL", context.endpoint)
    config, artifact = tmp_path / "deployer.toml", tmp_path / "app.tar.gz"
    config.write_text(FOREIGN)
    artifact.write_bytes(b"\x1f\x8b the rest does not matter here")
    typed = ["--config", str(config), "--output", "json", "publish", str(artifact), "--name", "v1"]
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 0, done.output
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    hold("publish", documents)
    still_said("published", documents[:1])
    kept = admin("s3").get_object(Bucket="releases-of-shop", Key="shop/v1.tar.gz")
    assert kept["Body"].read() == artifact.read_bytes()

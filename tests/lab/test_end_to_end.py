"""The whole promise with the real CDK CLI: deploy, a good canary, a bad one, zero requests lost."""

import json
from pathlib import Path

import pytest

from .conftest import shell_for


@pytest.mark.lab
@pytest.mark.cdk
@pytest.mark.timeout(400)
def test_the_demo_keeps_every_promise(tmp_path: Path) -> None:
    shell = shell_for(tmp_path)
    played = shell.run("--output", "json", "demo", "--rps", "200", timeout_s=390.0)
    assert played.returncode == 0, played.stderr[-4000:]
    result = json.loads(played.stdout.strip().splitlines()[-1])
    assert result["lost"] == {}
    assert {r["release"]: r["status"] for r in result["releases"]} == {"v1": 0, "v2": 0, "v3": 3}
    served = result["load"]["releases"]
    assert served["v2"]["requests"] > served["v3"]["requests"] > 0
    # 5 % of the traffic and nothing more ever reached the bad release.
    assert served["v3"]["requests"] < 0.1 * result["load"]["requests"]
    assert served["v3"]["failures"].keys() == {"http_500"}

"""[analysis] alarms: names of CloudWatch alarms, for each environment, handed on as they are."""

from pathlib import Path

import pytest

from deployer.errors import SettingsInvalid
from deployer.model import Release
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.wiring.intents import intent_of
from tests.settings.test_reading import MINIMAL


def loaded(folder: Path, more: str) -> Settings:
    path = folder / "deployer.toml"
    path.write_text(MINIMAL + more)
    return load(path, "dev")


def test_an_environment_has_its_own(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[environments.dev.analysis]\nalarms = ["dev fatal/5xx"]\n[analysis]\nalarms = ["shop"]\n',
    )
    assert intent_of(settings, Release("v2"), "canary").alarms == ("dev fatal/5xx",)
    assert settings.analysis.alarms_without_data == "ok"


@pytest.mark.parametrize(
    ("line", "must"),
    [
        ('alarms = "fatal"', 'alarms = "fatal": must be up to 50 names of CloudWatch alarms'),
        ("alarms = [5]", "alarms = [5]: must be up to 50 names"),
        ('alarms = [""]', "must be up to 50 names"),
        ('alarms = ["two\\nlines"]', "must be up to 50 names"),
        (f"alarms = {['a' * 256]}", "must be up to 50 names"),
        (f"alarms = {[str(n) for n in range(51)]}", "must be up to 50 names"),
        ('alarms_without_data = "silent"', 'must be "ok" or "ringing"'),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path: Path, line: str, must: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^deployer\.toml: analysis\.") as refused:
        loaded(tmp_path, f"[analysis]\n{line}\n")
    assert must in str(refused.value)

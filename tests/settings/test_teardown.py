"""[teardown] and [sweep]: one line for every mistake; protected is never ephemeral."""

from pathlib import Path

import pytest

from deployer.errors import SettingsInvalid
from deployer.settings.reading import load
from tests.settings.test_reading import MINIMAL, only_line

MISTAKES = [
    ("[teardown]\nephemeral = true", "teardown.ephemeral = true (in dev): must be false where"),
    ('[teardown]\nlevel = "destroy"', 'must be "retire", "sleep" or "delete"'),
    ('[teardown]\nexpired_level = ""', 'must be "retire", "sleep" or "delete"'),
    ("[teardown]\nwindows = 1", "must be a whole number of windows from 2 to 168"),
    ('[teardown]\nwindow = "90s"', 'teardown.window = "1m30s" (in dev): must be whole minutes'),
    ('[teardown]\nwindow = "2d"', "must be whole minutes from 1m to 24h"),
    ("[teardown]\nrequests = -1", "must be a whole number of requests, 0 or more"),
    ('[teardown]\nnotice = "1m"', "must be a duration from 5m to 14d"),
    ('[teardown]\nttl = "400d"', "must be a duration up to 366d"),
    ('[teardown]\nexpires_at = "tomorrow"', "must be a moment such as 2026-12-24T18:00Z"),
    ('[teardown]\nexpires_at = "2026-12-24T18:00"', "must be a moment such as"),
    ('[teardown]\nexpires_at = "2026-02-30T18:00Z"', "must be a moment that there is"),
    ('[teardown]\noffice_hours = "weekdays"', "must be days and hours such as"),
    ('[teardown]\noffice_hours = "mon-fri 19:00-08:00"', "must be hours of one day"),
    ('[teardown]\noffice_hours = "mon-sun 00:00-24:00"', "must be hours that end"),
    ('[teardown]\noffice_hours = "mon-sun 00:05-23:55"', "must be hours that end"),
    ('[teardown]\nwindow = "12h"\nwindows = 29', "must be 14 days in all at most"),
    ('[teardown]\ntime_zone = "Mars/Olympus"', "must be a time zone of the IANA database"),
    ('[teardown]\ntime_zone = "../etc/passwd"', "must be a time zone of the IANA database"),
    ("[sweep]\nmost = 0", "must be a whole number from 1 to 1000"),
    ('[sweep]\nevery = "1m"', "must be whole minutes from 5m to 24h"),
    ('[sweep]\nevery = "330s"', 'sweep.every = "5m30s" (in dev): must be whole minutes'),
    ("[sweep]\ndry_runs = -1", "must be a whole number of runs from 0 to 1000"),
    ("[environments.dev.sweep]\nmost = 2", "environments.dev.sweep is not a setting"),
]


@pytest.mark.parametrize(("more", "allowed"), MISTAKES, ids=[more for more, _ in MISTAKES])
def test_a_mistake_gets_one_line(tmp_path: Path, more: str, allowed: str) -> None:
    assert allowed in only_line(tmp_path, more)


def test_an_environment_is_ephemeral_alone(tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(
        f"{MINIMAL}protected = false\n[environments.dev.teardown]\nephemeral = true\n"
        'ttl = "14d"\n[teardown]\nlevel = "delete"\n'
    )
    teardown = load(path).teardown
    assert teardown.ephemeral
    assert (teardown.level, float(teardown.ttl_s)) == ("delete", 14 * 86_400.0)
    assert teardown.office_hours == "mon-fri 08:00-19:00"


def test_what_others_made_is_never_ephemeral(tmp_path: Path) -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
    path = tmp_path / "deployer.toml"
    path.write_text(
        f"{MINIMAL}protected = false\n[environments.dev.teardown]\nephemeral = true\n"
        f'[environments.dev.existing]\nlistener = "{arn}:listener/app/web/0/1"\n'
        f'url = "http://web.example.com"\nblue_target_group = "{arn}:targetgroup/web/1"\n'
        'blue_group = "web"\n'
    )
    with pytest.raises(SettingsInvalid, match="false where others made the environment"):
        load(path)

"""Every mistake in deployer.toml gets one line: file, key, value, and what is allowed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.session import LONGEST_CALL_S
from deployer.durations import spell
from deployer.errors import NotFound, SettingsInvalid
from deployer.settings.kinds import Seconds
from deployer.settings.reading import environments, load

MINIMAL = """
[service]
name = "shop"
[environments.dev]
region = "eu-west-1"
zones = ["eu-west-1a", "eu-west-1b"]
image = "ami-0123456789abcdef0"
"""


def only_line(folder: Path, more: str) -> str:
    """What is told of the settings MINIMAL and `more`, which are refused."""
    path = folder / "deployer.toml"
    path.write_text(f"{MINIMAL}{more}\n")
    with pytest.raises(SettingsInvalid) as caught:
        load(path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("deployer.toml: ")
    return line


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "deployer.toml"
    path.write_text(MINIMAL)
    return path


def refused(file: Path, more: str, **arguments: Any) -> str:
    file.write_text(MINIMAL + more)
    with pytest.raises(SettingsInvalid) as caught:
        load(file, **arguments)
    (line,) = str(caught.value).splitlines()
    return line


def test_no_call_to_aws_outlives_the_lease_under_which_it_was_begun(file: Path) -> None:
    """What botocore sends again after that would be sent beside the next runner."""
    assert "a duration from 40s to 24h" in refused(file, '[journal]\nlease = "39s"\n')
    file.write_text(MINIMAL + '[journal]\nlease = "40s"\n')
    assert load(file).journal.lease_s > LONGEST_CALL_S


def test_the_only_environment_needs_no_name(file: Path) -> None:
    assert load(file).environment.name == "dev"


def test_durations_are_seconds_and_shares_per_mille(file: Path) -> None:
    file.write_text(MINIMAL + '[canary]\nweights = [0.1, "5%", 50]\nbake = "1h30m"\n')
    canary = load(file).canary
    assert (canary.weights, canary.bake_s) == ((1, 50, 500), 5400.0)


def test_an_environment_overrides_a_section_and_keeps_the_rest(file: Path) -> None:
    file.write_text(
        MINIMAL + '[environments.dev.canary]\nbake = "1m"\n[canary]\nbake = "5m"\nlinger = "7m"\n'
    )
    canary = load(file, "dev").canary
    assert (canary.bake_s, canary.linger_s) == (60.0, 420.0)


def test_the_caller_overrides_both(file: Path) -> None:
    file.write_text(MINIMAL + '[environments.dev.canary]\nbake = "1m"\n')
    assert load(file, "dev", {"canary.bake": "2m"}).canary.bake_s == 120.0


def test_an_environment_has_a_window_and_a_policy_of_its_own(file: Path) -> None:
    file.write_text(
        MINIMAL + '[blue_green]\nwindow = "2h"\nstandby = 1\n[canary]\nweights = [25]\n'
        "approve = [25, 100]\n"
        '[environments.dev.blue_green]\nwindow = "30m"\n'
        '[environments.dev.journal]\non_interrupt = "rollback"\n'
    )
    settings = load(file, "dev")
    assert (settings.blue_green.window_s, settings.blue_green.standby) == (1800.0, 1)
    assert (settings.journal.on_interrupt, settings.journal.lease_s) == ("rollback", 60.0)
    assert settings.canary.approve == (250, 1000)


def test_environments_come_in_the_order_of_the_file(file: Path) -> None:
    file.write_text(MINIMAL + "[environments.b]\n[environments.a]\n")
    assert environments(file) == ("dev", "b", "a")


DEV = "[environments.dev."
TABLE = [
    ("[canari]", "deployer.toml: canari is not a setting; did you mean 'canary'?"),
    ("[canary]\nbakes = 1", "deployer.toml: canary.bakes is not a setting; did you mean 'bake'?"),
    (
        "[journal]\nxyz = 1",
        "deployer.toml: journal.xyz is not a setting; known here: lease, poll, on_interrupt, takeover",
    ),
    (
        f"{DEV}canary]\nweigths = [5]",
        "deployer.toml: environments.dev.canary.weigths is not a setting; did you mean 'weights'?",
    ),
    (
        '[canary]\nbake = "10"',
        'deployer.toml: canary.bake = "10": must be a duration from 0s to 7d, such as 10m',
    ),
    (
        "[canary]\nbake = 10",
        "deployer.toml: canary.bake = 10: must be a duration from 0s to 7d, such as 10m",
    ),
    (
        '[canary]\nbake = "8d"',
        'deployer.toml: canary.bake = "8d": must be a duration from 0s to 7d, such as 10m',
    ),
    (
        "[canary]\nweights = [5, 100]",
        (
            "deployer.toml: canary.weights = [5, 100]: must be rising percents above 0 and below 100, "
            '0.1 at the finest: [5, 25, 50], or "auto"'
        ),
    ),
    (
        f"{DEV}canary]\nweights = [50, 5]",
        (
            "deployer.toml: canary.weights = [50, 5] (in dev): must be rising percents above 0 and "
            "below 100, such as [5, 25, 50]"
        ),
    ),
    (
        '[analysis]\ninconclusive = "wait"',
        (
            'deployer.toml: analysis.inconclusive = "wait": must be "auto", "promote", "hold" or '
            '"abort"'
        ),
    ),
    (
        "[probe]\nallowed_failures = 20",
        "deployer.toml: probe.allowed_failures = 20 (in dev): must be less than probe.requests",
    ),
    (
        '[release]\nartifact = "s3://{bucket}/{version}"',
        (
            'deployer.toml: release.artifact = "s3://{bucket}/{version}" (in dev): must be a template '
            "with the fields {bucket}, {service} and {release} and no other braces"
        ),
    ),
    (
        "[canary]\nweights = 5",
        (
            "deployer.toml: canary.weights = 5: must be rising percents above 0 and below 100, "
            '0.1 at the finest: [5, 25, 50], or "auto"'
        ),
    ),
    (
        '[journal]\nlease = "40s"\npoll = "15s"',
        (
            'deployer.toml: journal.poll = "15s" (in dev): must be a third of journal.lease at most: '
            "the lease is renewed as often as the runner looks"
        ),
    ),
    (
        "[canary]\nweights = [5]\napprove = [10]",
        (
            "deployer.toml: canary.approve = [10] (in dev): must be among canary.weights, or 100: "
            "approval is asked there"
        ),
    ),
    (
        "[canary]\napprove = [0]",
        (
            "deployer.toml: canary.approve = [0]: must be percents among canary.weights, or 100: "
            '[5, 25]; "group" with canary.group'
        ),
    ),
    (
        '[canary]\napprove = ["group"]',
        (
            'deployer.toml: canary.approve = ["group"] (in dev): must be without "group", as long '
            "as canary.group names none"
        ),
    ),
    (
        '[canary]\ngroup = "cookie:beta"',
        (
            'deployer.toml: canary.group = "cookie:beta": must be such as header:X-Beta=yes, '
            'cookie:beta=1, query:beta=1 or source:10.0.0.0/8, or ""'
        ),
    ),
    (
        "[canary]\nweights = [50]\nhold_back = 0.1\napprove = [99]",
        (
            "deployer.toml: canary.approve = [99] (in dev): must be among canary.weights, 99.9 %, or "
            "100: approval is asked there"
        ),
    ),
    (
        "[canary]\nweights = [50]\nhold_back = 50",
        (
            "deployer.toml: canary.hold_back = 50 (in dev): must be below 50 %: the last of "
            "canary.weights, 50 %, comes before"
        ),
    ),
    (
        "[canary]\nhold_back = 0.01",
        (
            "deployer.toml: canary.hold_back = 0.01: must be percent from 0 (nothing) to below 100, "
            '0.1 at the finest, or "auto"'
        ),
    ),
    (
        '[canary]\nhold_back_for = "off"',
        (
            'deployer.toml: canary.hold_back_for = "off": must be a duration from 0s to 7d, such as '
            '10m, or "auto"'
        ),
    ),
    (
        "[canary]\napprove = [25]",
        (
            "deployer.toml: canary.approve = [25] (in dev): must be among 95 %, or 100: a ramp has no "
            "other stops; name canary.weights for those"
        ),
    ),
    (
        "[canary]\nhold_back = 60",
        (
            "deployer.toml: canary.hold_back = 60 (in dev): must be below 50 %: the end of a ramp, "
            "50 %, comes before"
        ),
    ),
    (
        "[canary]\nweights = []",
        (
            "deployer.toml: canary.weights = []: must be rising percents above 0 and below 100, "
            '0.1 at the finest: [5, 25, 50], or "auto"'
        ),
    ),
    (
        "[analysis]\nalpha = 1",
        "deployer.toml: analysis.alpha = 1: must be a probability from 0.000001 to 0.5, such as 0.01",
    ),
    (
        "[analysis]\ntolerated = 0.9",
        "deployer.toml: analysis.tolerated = 0.9: must be a number from 1 to 10, such as 1.1",
    ),
    (
        "[analysis]\nharm_budget = 0",
        (
            "deployer.toml: analysis.harm_budget = 0: must be a number of requests, 1 or more, such "
            "as 100"
        ),
    ),
    (
        '[analysis]\nslow = "0s"',
        (
            'deployer.toml: analysis.slow = "0s": must be a duration from 1ms to 1m, such as 500ms, '
            '"auto" or "off"'
        ),
    ),
    (
        "[analysis]\nslow = 5",
        (
            "deployer.toml: analysis.slow = 5: must be a duration from 1ms to 1m, such as 500ms, "
            '"auto" or "off"'
        ),
    ),
    (
        '[analysis]\nmax_time = "90s"',
        (
            'deployer.toml: analysis.max_time = "90s": must be whole minutes from 1m to 24h, such as '
            "30m"
        ),
    ),
    (
        '[analysis]\nmax_time = "2m"',
        (
            'deployer.toml: analysis.max_time = "2m" (in dev): must be 3m at least: warm_up and '
            "min_time are in it"
        ),
    ),
    (
        '[analysis]\nmetrics_delay = "30m"',
        (
            'deployer.toml: analysis.metrics_delay = "30m" (in dev): must be shorter than max_time: no '
            "minute would be known in time"
        ),
    ),
    (
        '[canary]\ncapacity = "half"',
        'deployer.toml: canary.capacity = "half": must be "full" or "matched"',
    ),
    (
        '[canary]\napprove_within = "8d"',
        'deployer.toml: canary.approve_within = "8d": must be a duration from 1s to 7d, such as 24h',
    ),
    (
        "[blue_green]\nstandby = 11",
        "deployer.toml: blue_green.standby = 11 (in dev): must be max_instances (10) at most",
    ),
    (
        '[rolling]\nsurge = "1.5"',
        (
            'deployer.toml: rolling.surge = "1.5": must be a whole number of instances up to 1000, or a '
            'share such as "25%"'
        ),
    ),
    (
        "[rolling]\nmax_unavailable = true",
        (
            "deployer.toml: rolling.max_unavailable = true: must be a whole number of instances up to "
            '1000, or a share such as "25%"'
        ),
    ),
    (
        "[rolling]\nsurge = 0",
        (
            "deployer.toml: rolling.surge = 0 (in dev): must be above 0 where max_unavailable is 0: "
            "one or the other"
        ),
    ),
    (
        '[rolling]\nuntil = "half"',
        (
            'deployer.toml: rolling.until = "half": must be a number of instances, a share such as '
            '"25%", or ""'
        ),
    ),
    (
        "[blue_green]\napprove = [100]",
        "deployer.toml: blue_green.approve = [100]: must be true or false",
    ),
    (
        '[blue-green]\nbake = "1m"',
        "deployer.toml: blue-green is not a setting; did you mean 'blue_green'?",
    ),
    (
        f'{DEV}journal]\non_interrupt = "stop"',
        (
            'deployer.toml: environments.dev.journal.on_interrupt = "stop": must be "pause", '
            '"rollback" or "hand-over"'
        ),
    ),
    ("canary = 5\n[x", None),
]


@pytest.mark.parametrize(("more", "line"), TABLE, ids=[more for more, _ in TABLE])
def test_a_mistake_gets_one_line(file: Path, more: str, line: str | None) -> None:
    found = refused(file, more)
    assert found == line if line else found.startswith(f"{file}: is not TOML: ")


PLACES = [
    ("name", '"x"', "is not a setting; known here: region, "),
    ("region", '"Ireland"', "must be the name of a Region such as us-east-1"),
    ("account", '"42"', "must be the 12 digits of an AWS account"),
    ("strategy", '"recreate"', 'must be "canary", "blue-green" or "rolling"'),
    ("zones", '["eu-west-1a"]', "must be two to six different zones"),
    ("zones", '["eu-west-1a", "us-east-1b"]', "must be zones of the Region eu-west-1"),
    ("zones", '["eu-west-1a", 2]', "must be two or more zones"),
    ("image", '"latest"', "must be the id of an AMI"),
    ("instances", "11", "must be max_instances (10) at most"),
    ("instances", "true", "must be a whole number from 1 to 1000"),
    ("vpc_cidr", '"10.0.0.0/8"', "must be a network from /16 to /20"),
    ("ingress_cidr", '"everyone"', "must be an IPv4 network"),
    ("listener_port", "8080", "must be a port other than listener_port"),
    ("listener_port", "70000", "must be a port from 1 to 65535"),
    ("health_check_interval", '"4s"', "must be whole seconds from 5s to 5m"),
    ("health_check_interval", '"5s500ms"', "must be whole seconds from 5s to 5m"),
    ("health_check_timeout", '"5s"', "must be less than health_check_interval (5s)"),
    ("healthy_threshold", "1", "must be a whole number from 2 to 10"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), PLACES)
def test_a_mistake_in_an_environment_gets_one_line(
    file: Path, key: str, value: str, allowed: str
) -> None:
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key} = ")]
    if key == "name":
        lines = MINIMAL.splitlines()
    file.write_text("\n".join([*lines, f"{key} = {value}"]))
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("deployer.toml: environments.dev.")
    assert allowed in line


@pytest.mark.parametrize("key", ["region", "zones", "image"])
def test_what_has_no_default_must_be_there(file: Path, key: str) -> None:
    file.write_text("\n".join(ln for ln in MINIMAL.splitlines() if not ln.startswith(key)))
    with pytest.raises(SettingsInvalid, match=rf"environments\.dev\.{key} is missing: write "):
        load(file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "deployer.toml: [service] is missing; see deployer.example.toml"),
        ('[service]\nname = "a"', "deployer.toml: [environments] is missing"),
        ("service = 1", "deployer.toml: service = 1: must be a section with keys of its own"),
        ('[service]\nname="a"\n[environments]\ndev = 1', "deployer.toml: environments.dev = 1: "),
    ],
)
def test_a_section_that_is_none_is_refused(file: Path, text: str, line: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    assert str(caught.value).startswith(line)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.toml: no such file; copy deployer\.example"):
        load(tmp_path / "nowhere.toml")


def test_a_folder_is_not_told_to_be_copied_over(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read: Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_any_line_end_are_read_over(file: Path, line_end: bytes) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode().replace(b"\n", line_end))
    assert load(file).service.name == "shop"


def test_an_unknown_environment_lists_those_that_exist(file: Path) -> None:
    with pytest.raises(NotFound, match=r"no environment 'prod'; there is: dev"):
        load(file, "prod")


def test_several_environments_and_no_name_is_a_question(file: Path) -> None:
    file.write_text(MINIMAL + "[environments.b]\n")
    with pytest.raises(SettingsInvalid, match="name an environment with --env: dev, b"):
        load(file)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"canary.bake": "x"}, 'option: canary.bake = "x": must be a duration'),
        ({"canary.hold_back": 60}, "option: canary.hold_back = 60 (in dev): must be below 50 %"),
        ({"canary.bak": "1m"}, "option: canary.bak is not a setting; did you mean 'bake'?"),
        ({"service.name": "x"}, "option: service is not a setting; known here: canary, "),
    ],
)
def test_a_bad_option_is_told_apart_from_the_file(
    file: Path, overrides: dict[str, Any], line: str
) -> None:
    assert refused(file, "", overrides=overrides).startswith(line)


@given(st.integers(0, 7 * 86_400))
def test_every_duration_survives_being_written(tmp_path_factory: Any, duration_s: int) -> None:
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(f'{MINIMAL}[canary]\nbake = "{spell(duration_s)}"\n')
    assert load(path).canary.bake_s == Seconds(duration_s)

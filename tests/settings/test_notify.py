"""[notify]: what may be written, and that no secret is written, nor shown where one was."""

from pathlib import Path

import pytest

from deployer.errors import SettingsInvalid
from deployer.news import Kind
from deployer.settings.notify import TOPIC, USUAL, HttpChannel, SlackChannel
from deployer.settings.reading import load
from deployer.settings.schema import Settings

BASE = """
[service]
name = "shop"
[environments.dev]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0abcdef1234567890"
"""
SLACK = '[[notify.channels]]\nname = "ops"\nkind = "slack"\nurl = "secretsmanager:shop/slack#url"\n'


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "deployer.toml"
    file.write_text(f"{BASE}\n{text}")
    return load(file)


def test_without_a_word_the_topic_hears_what_wants_a_person(tmp_path: Path) -> None:
    notify = read(tmp_path, "").notify
    assert notify.topic == TOPIC == (Kind.APPROVAL, Kind.HALT, Kind.STUCK)
    assert notify.channels == ()


def test_each_kind_of_channel_is_read(tmp_path: Path) -> None:
    notify = read(
        tmp_path,
        SLACK
        + '[[notify.channels]]\nname = "t"\nkind = "teams"\nurl = "ssm:/shop/teams"\n'
        + '[[notify.channels]]\nname = "h"\nkind = "http"\nurl = "https://h.example/x"\n'
        + 'secret = "env:KEY"\nevents = ["step", "end"]\n'
        + '[[notify.channels]]\nname = "s"\nkind = "sns"\n'
        + 'topic = "arn:aws:sns:us-east-1:123456789012:x.fifo"\n'
        + '[[notify.channels]]\nname = "e"\nkind = "eventbridge"\n',
    ).notify
    slack, _, http, _, _ = notify.channels
    assert isinstance(slack, SlackChannel)
    assert slack.events == USUAL
    assert Kind.STEP not in slack.events
    assert isinstance(http, HttpChannel)
    assert http.events == (Kind.STEP, Kind.END)
    assert notify.references == (
        "secretsmanager:shop/slack#url", "ssm:/shop/teams", "env:KEY",
    )  # fmt: skip


def test_an_environment_may_have_channels_of_its_own(tmp_path: Path) -> None:
    own = "[environments.dev.notify]\nchannels = []\ntopic = []\n"
    notify = read(tmp_path, SLACK + own).notify
    assert (notify.channels, notify.topic) == ((), ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SLACK.replace("secretsmanager:shop/slack#url", "https://hooks.slack.com/T0/hunter2"),
            "notify.channels[0].url = ***: must be where the secret is, never the secret",
        ),
        (SLACK.replace('"slack"', '"irc"'), '"slack" or "teams" or "http" or "sns"'),
        (SLACK + SLACK, "notify.channels[1].name"),
        (SLACK.replace('"ops"', '"topic"'), "must be another name than topic, traces, pushgateway"),
        (SLACK + "events = []\n", "notify.channels[0].events = []"),
        (SLACK + 'events = ["halts"]\n', 'events = ["halts"]: must be some of "start", "step"'),
        (SLACK + 'even = ["halt"]\n', "even is not a setting; did you mean 'events'?"),
        ('[notify]\ntopic = "halt"\n', 'notify.topic = "halt": must be some of "start"'),
        (
            '[[notify.channels]]\nname = "h"\nkind = "http"\nurl = "http://h.example/x"\n',
            "must be an address with a host, by https",
        ),
        (
            '[[notify.channels]]\nname = "s"\nkind = "sns"\ntopic = "ops"\n',
            "must be the ARN of an SNS topic",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_a_secret(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsInvalid) as error:
        read(tmp_path, text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value)

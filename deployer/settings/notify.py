"""[notify]: who is told what of deployments (docs/notifications.md)."""

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from deployer.news import Kind
from deployer.settings.kinds import VEILED
from deployer.settings.objection import Objection

ENV, SSM, MANAGER = "env", "ssm", "secretsmanager"  # begin a reference to a secret
MOST = 10
ALL = tuple(Kind)
USUAL = tuple(kind for kind in Kind if kind is not Kind.STEP)
TOPIC = (Kind.APPROVAL, Kind.HALT, Kind.STUCK)
OWN_TOPIC = "topic"  # the channel of the environment's own topic
RESERVED = (OWN_TOPIC, "traces", "pushgateway", "textfile")  # channels of other sections
_KINDS = ", ".join(f'"{kind}"' for kind in Kind)

Kinds = Annotated[tuple[Kind, ...], Meta(description=f"some of {_KINDS}")]
ChannelName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description=f"up to 32 of a-z, 0-9 and -, beginning with a letter, other than {', '.join(RESERVED)}",
    ),
]
_REFERENCE = (
    r"env:[A-Za-z_][A-Za-z0-9_]*|ssm:[A-Za-z0-9_./:-]{1,1000}"
    r"|secretsmanager:[A-Za-z0-9/_+=.@:-]{1,1000}(?:#[A-Za-z0-9_.-]{1,128})?"
)
_SAYS = "where the secret is, never the secret: env:VARIABLE, ssm:/parameter/name or secretsmanager:name"
Reference = Annotated[
    str, Meta(pattern=f"^({_REFERENCE})$", description=_SAYS, extra={VEILED: True})
]
ReferenceOrNone = Annotated[
    str, Meta(pattern=f"^({_REFERENCE})?$", description=f'{_SAYS}; or ""', extra={VEILED: True})
]
AddressOrReference = Annotated[
    str,
    Meta(
        pattern=rf"^(https?://[^\s/?#@\\]+(?:[/?][!-~]*)?|{_REFERENCE})$",
        max_length=2048,
        description="an https address without a secret in it, or where it is: env:VARIABLE, "
        "ssm:/parameter/name or secretsmanager:name",
        extra={VEILED: True},
    ),
]
TopicArn = Annotated[
    str,
    Meta(
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$",
        description="the ARN of an SNS topic",
    ),
]
BusName = Annotated[
    str,
    Meta(
        pattern=r"^(arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}$",
        description="the name or ARN of an EventBridge event bus",
    ),
]


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel of any kind says.

    name:   marks of what was told are kept by it: renamed, it is told again.
    events: what it hears of.
    """

    name: ChannelName
    events: Kinds = USUAL


class SlackChannel(ChannelSettings, frozen=True, kw_only=True, tag_field="kind", tag="slack"):
    """An incoming webhook; `url`: where the secret address is."""

    url: Reference


class TeamsChannel(ChannelSettings, frozen=True, kw_only=True, tag_field="kind", tag="teams"):
    """A workflow that is started by a webhook; `url`: where the secret address is."""

    url: Reference


class HttpChannel(ChannelSettings, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """Any address; `secret`: where the secret is that each notice is signed with."""

    url: AddressOrReference
    secret: ReferenceOrNone = ""


class SnsChannel(ChannelSettings, frozen=True, kw_only=True, tag_field="kind", tag="sns"):
    """A further topic, of the environment's Region."""

    topic: TopicArn


class EventBridgeChannel(
    ChannelSettings, frozen=True, kw_only=True, tag_field="kind", tag="eventbridge"
):
    """An event bus, of the environment's Region."""

    bus: BusName = "default"


AnyChannel = SlackChannel | TeamsChannel | HttpChannel | SnsChannel | EventBridgeChannel
Channels = Annotated[
    tuple[AnyChannel, ...],
    Meta(max_length=MOST, description=f"up to {MOST} tables [[notify.channels]]"),
]


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[notify]: see docs/notifications.md.

    topic: what the environment's own topic hears of.
    """

    topic: Kinds = TOPIC
    channels: Channels = ()

    @property
    def references(self) -> tuple[str, ...]:
        """Where secrets are that the channels need, each once."""
        found = [
            text
            for one in self.channels
            for text in (getattr(one, "url", ""), getattr(one, "secret", ""))
            if re.fullmatch(_REFERENCE, text)
        ]
        return tuple(dict.fromkeys(found))


def objections(notify: NotifySettings) -> Iterator[Objection]:
    """What one value alone cannot break."""
    for n, channel in enumerate(notify.channels):
        where = f"notify.channels[{n}]"
        taken = (*RESERVED, *(other.name for other in notify.channels[:n]))
        if channel.name in taken:
            yield Objection(f"{where}.name", f"another name than {', '.join(taken)}")
        if not channel.events:
            yield Objection(f"{where}.events", f"one of {_KINDS} at least")
        if isinstance(channel, HttpChannel) and not _good(channel.url):
            yield Objection(
                f"{where}.url", "an address with a host, by https unless it is this machine's"
            )


def _good(url: str) -> bool:
    if not url.startswith("http"):
        return True
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
        return bool(parts.hostname) and parts.port != 0 and secure
    except ValueError:  # brackets that do not match, a port that is none
        return False

"""The channels that the settings name, over the adapters that send."""

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from deployer.aws.failures import THROTTLED, code_of
from deployer.aws.notify import Bus, Topic
from deployer.aws.published import Published
from deployer.aws.records import partition
from deployer.aws.secrets import Secrets
from deployer.aws.session import Aws
from deployer.aws.told import ToldTable
from deployer.channels import messages, metrics, traces
from deployer.channels.channel import Channel, Send, Undelivered
from deployer.channels.outbox import Outbox as Posts
from deployer.channels.outbox import Post
from deployer.channels.posting import require_address
from deployer.channels.webhooks import Body, Webhook
from deployer.errors import CloudUnavailable
from deployer.operations.notice_document import document
from deployer.operations.notices import Notice, Place
from deployer.operations.notifying import SILENT, Outbox
from deployer.operations.pages import UNPUBLISHED, Pages, linked
from deployer.process.clock import ScaledClock, WallClock
from deployer.settings.notify import (
    OWN_TOPIC,
    AnyChannel,
    EventBridgeChannel,
    NotifySettings,
    SlackChannel,
    SnsChannel,
    TeamsChannel,
)
from deployer.settings.schema import Settings
from deployer.settings.telemetry import TelemetrySettings
from deployer.topology import REPORTS_VARIABLE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"  # Lambda's variable


def outbox_of(
    aws: Aws,
    found: Published,
    settings: Settings,
    pages: Pages = UNPUBLISHED,
    *,
    environ: Mapping[str, str],
    clock: WallClock | ScaledClock,
) -> Outbox:
    """Who is told of the environment's deployments: its topic, and the channels of [notify].

    pages: where reports are, for links.
    """
    topic = environ.get(REPORTS_VARIABLE) or found.topic
    service, environment = settings.service.name, settings.environment.name
    place = Place(service, environment, partial(linked, pages))
    channels = (
        *chosen(settings.notify, aws, topic, environ),
        *measuring(settings.telemetry, place, environ, Secrets(aws, environ)),
    )
    if not channels:
        return SILENT
    told = ToldTable(aws, found.journal_table, partition(service, environment), clock)
    scale = clock.scale if isinstance(clock, ScaledClock) else 1.0
    posts = [Post(each, told, clock, scale) for each in channels]
    return Posts(place, posts)


def measuring(
    telemetry: TelemetrySettings, place: Place, environ: Mapping[str, str], secrets: Secrets
) -> Iterator[Channel]:
    """Traces and metrics, where somebody has said where they go.

    A function has no folder that somebody collects from.
    """
    if traces.wanted(telemetry.otlp, environ):
        key = telemetry.otlp_headers
        yield traces.traces(
            place.service,
            partial(_exporter, telemetry, secrets, environ),
            partial(secrets.prepare, key),
        )
    if telemetry.pushgateway:
        yield metrics.pushing(place, telemetry.pushgateway)
    if telemetry.textfile and FUNCTION not in environ:
        yield metrics.writing(place, telemetry.textfile)


def _exporter(
    telemetry: TelemetrySettings, secrets: Secrets, environ: Mapping[str, str]
) -> "SpanExporter":
    key = telemetry.otlp_headers
    if not key:
        return traces.otlp(telemetry.otlp)
    where = telemetry.otlp or traces.address_of(environ)
    require_address(where, "the collector's address")  # a secret goes there
    return traces.otlp(telemetry.otlp, traces.headers_of(secrets.read(key)))


def chosen(
    notify: NotifySettings, aws: Aws, topic: str, environ: Mapping[str, str]
) -> tuple[Channel, ...]:
    """All of them; `topic`: ARN of the environment's own, empty: it has none."""
    return tuple(_channels(notify, aws, topic, Secrets(aws, environ)))


def _channels(notify: NotifySettings, aws: Aws, topic: str, secrets: Secrets) -> Iterator[Channel]:
    if topic and notify.topic:
        own = Topic(aws, topic)
        yield Channel(OWN_TOPIC, frozenset(notify.topic), certain(own), own.prepare)
    for one in notify.channels:
        yield _channel(one, aws, secrets)


def _channel(one: AnyChannel, aws: Aws, secrets: Secrets) -> Channel:
    kinds = frozenset(one.events)
    if isinstance(one, SnsChannel | EventBridgeChannel):
        sender = Topic(aws, one.topic) if isinstance(one, SnsChannel) else Bus(aws, one.bus)
        return Channel(one.name, kinds, certain(sender), sender.prepare)
    secret = "" if isinstance(one, SlackChannel | TeamsChannel) else one.secret
    webhook = Webhook(_body(one), secrets.read, one.url, secret, time.time)
    return Channel(one.name, kinds, webhook, partial(secrets.prepare, one.url, secret))


def certain(send: Send) -> Send:
    """Says of a call that was not answered that it may have been taken all the same."""

    def sends(notice: Notice, /) -> None:
        try:
            send(notice)
        except CloudUnavailable as error:
            raise Undelivered(str(error), reached=code_of(error) not in THROTTLED) from error

    return sends


def _body(one: AnyChannel) -> Body:
    if isinstance(one, SlackChannel):
        return messages.slack
    return messages.teams if isinstance(one, TeamsChannel) else document

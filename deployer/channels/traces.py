"""Spans to OpenTelemetry's collector, by its own library: the extra `otel`.

Where to, and with which headers and certificates, its own variables say (OTEL_EXPORTER_OTLP_...); the
settings may name the collector, and where a vendor's key lies. It is imported when the first span is due.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from deployer.aws.session import installed_version
from deployer.channels.channel import TIMEOUT_S, Channel, Undelivered
from deployer.errors import NotPossibleNow
from deployer.news import Kind
from deployer.operations.notices import Notice
from deployer.operations.spans import Span, spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

NAME: Final = "traces"  # the channel's
VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
ENDS: Final = frozenset(Kind) - {Kind.START, Kind.APPROVAL, Kind.STUCK}
PATH: Final = "/v1/traces"
NAMED: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # a header's name: RFC 9110, 5.6.2
VALUE: Final = re.compile(r"([!-~]([ -~]*[!-~])?)?")  # in which no line ends
NANO: Final = 1_000_000_000
QUIET: Final = logging.NullHandler()  # Python prints what no handler takes


def wanted(collector: str, environ: Mapping[str, str]) -> bool:
    """Whether somebody has said where spans go."""
    switched_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not switched_off and bool(collector or address_of(environ))


def address_of(environ: Mapping[str, str]) -> str:
    """Where the variables say that spans go; empty: they do not."""
    return next((environ[name] for name in VARIABLES if environ.get(name)), "")


def traces(
    service: str, make: Callable[[], SpanExporter], prepare: Callable[[], object] = lambda: None
) -> Channel:
    """The channel; `service`: whose deployments; `make`: an exporter (`otlp`), once one is needed."""
    return Channel(NAME, ENDS, Traces(service, make), prepare)


def headers_of(text: str) -> Mapping[str, str]:
    """`name=value,name=value` as headers; values as in addresses, as OTEL_EXPORTER_OTLP_HEADERS has them.

    Not by the library: it writes into its log what it cannot read, and that is a secret.

    Raises:
        Undelivered: it is something else; does not repeat it.
    """
    pairs = [pair.split("=", 1) for pair in text.split(",") if pair.strip()]
    found = {pair[0].strip().lower(): unquote(pair[-1].strip()) for pair in pairs}
    good = all(NAMED.fullmatch(name) and VALUE.fullmatch(value) for name, value in found.items())
    if not good or any(len(pair) == 1 for pair in pairs):
        raise Undelivered("telemetry.otlp_headers holds no name=value,name=value", lasting=True)
    return found


def otlp(collector: str, headers: Mapping[str, str] | None = None) -> SpanExporter:
    """Exports by OTLP over HTTP.

    collector: its address; empty: the variables say.
    headers:   of every request; None: the variables say.

    Raises:
        NotPossibleNow: the library is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  an extra
            OTLPSpanExporter,
        )
    except ImportError:
        raise NotPossibleNow("install the extra: pip install 'deployer[otel]'") from None
    # Its own complaints would go to the terminal: what is wrong is told once, as of any channel.
    # Nor to a function's log, where Lambda's handler of the root would write them.
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(QUIET)
    logger.propagate = False
    endpoint = f"{collector.rstrip('/')}{PATH}" if collector else None
    return OTLPSpanExporter(
        endpoint=endpoint, headers=dict(headers) if headers else None, timeout=TIMEOUT_S
    )


class Traces:
    """Exports what has ended with a notice."""

    def __init__(self, service: str, make: Callable[[], SpanExporter]) -> None:
        self._service, self._make = service, make
        self._exporter: SpanExporter | None = None

    def __call__(self, notice: Notice) -> None:
        """It was taken.

        Raises:
            Undelivered: it was not; the library has tried for as long as it may.
            NotPossibleNow: the library is not installed.
        """
        if self._exporter is None:
            self._exporter = self._make()
        from opentelemetry.sdk.trace.export import (  # noqa: PLC0415  an extra
            SpanExportResult,
        )

        found = [readable(span, self._service) for span in spans(notice)]
        if found and self._exporter.export(found) is not SpanExportResult.SUCCESS:
            raise Undelivered("the collector of traces did not take it", lasting=True)


def readable(span: Span, service: str) -> ReadableSpan:
    """As the library exports it."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  an extra
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415  as above
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415  as above
    from opentelemetry.trace import (  # noqa: PLC0415  as above
        SpanContext,
        SpanKind,
        Status,
        StatusCode,
        TraceFlags,
    )

    def context(number: int) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(span.trace, number, is_remote=False, trace_flags=flags)

    status = Status(StatusCode.ERROR, span.failed) if span.failed else Status(StatusCode.OK)
    return ReadableSpan(
        name=span.name,
        context=context(span.id),
        parent=None if span.parent is None else context(span.parent),
        resource=Resource.create({"service.name": "deployer", "service.namespace": service}),
        attributes=dict(span.facts),
        kind=SpanKind.INTERNAL,
        status=status,
        start_time=round(span.began_at * NANO),
        end_time=round(span.ended_at * NANO),
        instrumentation_scope=InstrumentationScope("deployer", installed_version()),
    )

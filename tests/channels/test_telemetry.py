"""Traces and metrics through the official libraries, to exporters in memory and servers on this machine."""

import logging
import urllib.request
from pathlib import Path
from typing import cast

import pytest
from opentelemetry.exporter.otlp.proto.common._internal import trace_encoder
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from deployer.aws.secrets import Secrets
from deployer.aws.session import Aws
from deployer.channels.channel import Undelivered
from deployer.channels.chosen import measuring
from deployer.channels.metrics import listening, pushing, writing
from deployer.channels.outbox import Outbox, Post
from deployer.channels.traces import QUIET, headers_of, otlp, traces, wanted
from deployer.errors import NotPossibleNow
from deployer.operations.notices import Notice, Place, notices
from deployer.operations.spans import root_of, trace_of
from deployer.plan import Deployment
from deployer.settings.telemetry import TelemetrySettings
from tests.channels.test_outbox import Marks
from tests.sim.clock import SimClock
from tests.sim.play import play
from tests.sources.serving import serving
from tests.unit.test_notices import shipped

PLACE = Place("shop", "sim")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def done() -> Deployment:
    return shipped(play())[0]


def last(record: Deployment) -> Notice:
    return notices(PLACE, record)[-1]


def test_a_deployment_that_is_taken_over_is_one_trace_without_a_repetition(
    done: Deployment,
) -> None:
    """Two processes look at the same record; what the first one exported is marked."""
    exporter, marks = InMemorySpanExporter(), Marks(SimClock())
    marks.clock.sleep(max(0.0, done.started_at - marks.clock.now()))
    for _ in range(2):
        channel = traces("shop", lambda: exporter)
        outbox = Outbox(PLACE, [Post(channel, marks, marks.clock, 1.0, lambda _: None)])
        outbox.offer(done)
        outbox.close()
        assert outbox.troubles() == []
    spans = exporter.get_finished_spans()
    assert len(spans) == len(done.plan.steps) + 1
    contexts = [span.context for span in spans if span.context]
    assert {one.trace_id for one in contexts} == {trace_of(PLACE, done.id)}
    assert len({one.span_id for one in contexts}) == len(spans)
    (whole,) = [span for span in spans if span.parent is None]
    assert whole.context is not None
    assert whole.context.span_id == root_of(PLACE, done.id)
    assert (whole.attributes or {})["deployer.status"] == "shipped"
    assert whole.resource.attributes["service.name"] == "deployer"


def test_a_collector_gets_it_by_otlp(done: Deployment) -> None:
    with serving(lambda _: OK) as served:
        channel = traces("shop", lambda: otlp(served.url))
        channel.prepare()
        channel.send(last(done))
        (request,) = served.requests
    head, _, _ = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/traces HTTP/1.1")
    assert b"application/x-protobuf" in head
    assert trace_encoder.encode_spans([]) == ExportTraceServiceRequest()  # the library's own format


def test_a_collector_that_refuses_is_said(done: Deployment) -> None:
    with serving(lambda _: b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n") as served:
        channel = traces("shop", lambda: otlp(served.url))
        channel.prepare()
        with pytest.raises(Undelivered, match="collector"):
            channel.send(last(done))


def test_the_library_itself_says_nothing_on_the_terminal() -> None:
    """It would, for each attempt, in the middle of a live view: Python prints what nobody handles."""
    for _ in range(2):
        otlp("http://localhost:4318")
    logger = logging.getLogger("opentelemetry")
    assert [one for one in logger.handlers if one is QUIET] == [QUIET]
    assert not logger.propagate  # to Lambda's own handler, which writes all of it into the log


@pytest.mark.parametrize(
    ("collector", "environ", "is_wanted"),
    [
        ("", {}, False),
        ("http://localhost:4318", {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        ("http://localhost:4318", {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_made_where_somebody_said_where_they_go(
    collector: str, environ: dict[str, str], is_wanted: bool
) -> None:
    assert wanted(collector, environ) is is_wanted


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ["traces", "pushgateway", "textfile"]),
        ({"AWS_LAMBDA_FUNCTION_NAME": "shop-tick"}, ["traces", "pushgateway"]),
    ],
)
def test_a_function_has_no_folder_to_leave_its_gauges_in(
    environ: dict[str, str], names: list[str]
) -> None:
    everything = TelemetrySettings(
        otlp="http://c", pushgateway="http://p", textfile="/var/lib/node_exporter"
    )
    secrets = Secrets(cast("Aws", None), environ)
    assert [one.name for one in measuring(everything, PLACE, environ, secrets)] == names


def test_a_vendors_key_goes_to_nobody_on_the_way(done: Deployment) -> None:
    settings = TelemetrySettings(otlp="http://collector.example:4318", otlp_headers="env:KEY")
    environ = {"KEY": "api-key=hunter2"}
    (channel,) = measuring(settings, PLACE, environ, Secrets(cast("Aws", None), environ))
    with pytest.raises(Undelivered, match="no https address") as refused:
        channel.send(last(done))
    assert refused.value.lasting


def test_a_gateway_that_speaks_no_http_is_said(done: Deployment) -> None:
    with serving(lambda _: b"SSH-2.0-hello\r\n") as served:
        channel = pushing(PLACE, served.url)
        with pytest.raises(Undelivered, match="pushgateway: not HTTP"):
            channel.send(last(done))


def test_a_vendors_key_is_read_when_it_is_needed_and_is_in_every_request(done: Deployment) -> None:
    with serving(lambda _: OK) as served:
        settings = TelemetrySettings(otlp=served.url, otlp_headers="env:KEY")
        environ = {"KEY": "api-key=a%20secret, X-Team=shop"}
        secrets = Secrets(cast("Aws", None), environ)
        (channel,) = measuring(settings, PLACE, environ, secrets)
        channel.prepare()
        channel.send(last(done))
        (request,) = served.requests
    assert b"\r\napi-key: a secret\r\n" in request
    assert b"\r\nx-team: shop\r\n" in request


@pytest.mark.parametrize("text", ["hush", "=hush", "a=b,hush", "a=hush%0d%0ab: c", "a b=hush"])
def test_what_holds_no_headers_is_said_and_not_repeated(text: str) -> None:
    with pytest.raises(Undelivered, match="otlp_headers holds no name=value") as refused:
        headers_of(text)
    assert "hush" not in str(refused.value)


def values(text: str) -> dict[str, float]:
    return {
        sample.name
        + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_file_has_the_newest_state(done: Deployment, tmp_path: Path) -> None:
    writing(PLACE, str(tmp_path)).send(last(done))
    found = values((tmp_path / "deployer-shop-sim.prom").read_text())
    assert found["deployer_deployment_status|sim|shop|shipped"] == 1.0
    assert found["deployer_slot_weight_ratio|sim|shop|green"] == 1.0
    assert found["deployer_deployment_info|d1|sim|v1|v2|shop|canary"] == 1.0


def test_a_folder_that_is_not_there_is_said(done: Deployment, tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match="textfile: No such file"):
        writing(PLACE, str(tmp_path / "none")).send(last(done))


def test_the_pushgateway_gets_a_group_for_each_environment(done: Deployment) -> None:
    with serving(lambda _: OK) as served:
        pushing(PLACE, served.url).send(last(done))
        (request,) = served.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /metrics/job/deployer/environment/sim/service/shop ")
    assert values(body.decode())["deployer_deployment_status|sim|shop|shipped"] == 1.0


def test_a_pushgateway_that_refuses_or_is_gone_is_said(done: Deployment) -> None:
    with serving(lambda _: b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n") as served:
        with pytest.raises(Undelivered, match="pushgateway answered 400"):
            pushing(PLACE, served.url).send(last(done))
        url = served.url
    with pytest.raises(Undelivered, match="pushgateway"):
        pushing(PLACE, url).send(last(done))


def test_of_many_looks_only_the_newest_state_is_put(done: Deployment, tmp_path: Path) -> None:
    marks = Marks(SimClock())
    marks.clock.sleep(max(0.0, done.started_at - marks.clock.now()))
    post = Post(writing(PLACE, str(tmp_path)), marks, marks.clock, 1.0, lambda _: None)
    outbox = Outbox(PLACE, [post])
    outbox.offer(done)
    assert outbox.close() == []
    assert outbox.troubles() == []
    assert "deployer_deployment_info" in (tmp_path / "deployer-shop-sim.prom").read_text()
    assert marks.until == {}


def test_whoever_supervises_is_scraped(done: Deployment) -> None:
    with listening(PLACE, ("127.0.0.1", 0)) as newest:
        assert newest is not None
        url = f"http://127.0.0.1:{newest.port}/metrics"
        assert values(urllib.request.urlopen(url, timeout=30).read().decode()) == {}
        newest.record = done
        found = values(urllib.request.urlopen(url, timeout=30).read().decode())
        assert found["deployer_deployment_steps|sim|shop"] == len(done.plan.steps)
        with (
            pytest.raises(NotPossibleNow, match=r"--metrics 127\.0\.0\.1"),
            listening(PLACE, ("127.0.0.1", newest.port)),
        ):
            pass
    with listening(PLACE, None) as nowhere:
        assert nowhere is None

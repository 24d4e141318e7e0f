"""The functions' code: what is fetched for another machine is there when it is whole, or not at all."""

import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deployer import web
from deployer.errors import NotPossibleNow
from deployer.journal import encode
from deployer.operations.notices import Place
from deployer.operations.spans import trace_of
from deployer.plan import Status
from stacks import bundle, libraries
from tests.sim.play import play
from tests.sources.serving import saying, serving
from tests.unit.test_notices import shipped


def test_what_pip_could_not_fetch_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nobody is asked: quick, and the same everywhere
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    folder = tmp_path / ".bundle" / "msgspec"
    with pytest.raises(
        NotPossibleNow, match=r"need msgspec==0\.0\.1 for Linux, and this machine is"
    ):
        libraries.fetch("msgspec==0.0.1", folder)
    assert list(folder.parent.iterdir()) == []


# What of the pages and words the functions use. They have no console: rich is not in the bundle.
WORDS = (
    "words",
    "plan",
    "progress",
    "lines",
    "asking",
    "owed",
    "terms",
    "figures",
    "evidence",
    "report.page",
)
WITHOUT_RICH = f"""
import sys
sys.modules["rich"] = None
sys.path.insert(0, sys.argv[1])
for name in {WORDS!r}:
    __import__(f"deployer.render.{{name}}")
from deployer import web
assert all(map(web.asset, (*web.STYLES, *web.SCRIPTS)))
assert web.__file__.startswith(sys.argv[1])
"""


def test_pages_are_made_out_of_the_bundle_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(bundle.zipped(b""))) as made:
        made.extractall(tmp_path)
    names = {each.name for each in (tmp_path / "deployer/web").iterdir()}
    assert names == {*web.STYLES, *web.SCRIPTS, "__init__.py", "uplot.LICENSE"}
    subprocess.run([sys.executable, "-c", WITHOUT_RICH, str(tmp_path)], check=True, cwd=tmp_path)


def needed(name: str) -> set[str]:
    """The distribution, and all that it needs without extras of its own but those that others ask for."""
    found, left = set[str](), [Requirement(name)]
    while left:
        wanted = left.pop()
        for text in distribution(wanted.name).requires or ():
            one = Requirement(text)
            extras = wanted.extras or {""}
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras):
                left += [one] if canonicalize_name(one.name) not in found else []
        found.add(canonicalize_name(wanted.name))
    return found


@pytest.mark.parametrize(
    ("wanted", "brought"),
    [
        (("opentelemetry-exporter-otlp-proto-http", "opentelemetry-sdk"), libraries.OTEL),
        (("prometheus_client",), libraries.PROMETHEUS),
    ],
)
def test_what_an_extra_needs_is_brought_whole(
    wanted: tuple[str, ...], brought: tuple[str, ...]
) -> None:
    """A newer version that needs one more is noticed here, not by a function in the cloud."""
    assert set().union(*map(needed, wanted)) == set(map(canonicalize_name, brought))


LAMBDAS = (
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
)  # what its Python brings
TICK = """
import sys
bundle, lambdas, collector, gateway, *records = sys.argv[1:]
sys.path[:0] = [bundle, lambdas]
import deployer.functions.supervise, deployer.functions.tick
from deployer.channels import metrics, traces
from deployer.journal import decode
from deployer.operations.notices import Place, notices
place = Place("shop", "sim")
told = set()
for path in records:  # as many ticks of a warm function
    record = decode(open(path, "rb").read())
    for channel in (
        traces.traces("shop", lambda: traces.otlp(collector)),
        metrics.pushing(place, gateway),
    ):
        channel.prepare()
        for notice in notices(place, record):
            if channel.wants(notice) and (channel.name, notice.id) not in told:
                told.add((channel.name, notice.id))
                channel.send(notice)
for name in ("opentelemetry.sdk.trace", "google.protobuf", "requests", "prometheus_client", "urllib3"):
    assert sys.modules[name].__file__.startswith(bundle), name
"""


def test_ticks_continue_a_trace_and_put_gauges_out_of_the_bundle_alone(tmp_path: Path) -> None:
    """In an interpreter that has nothing but the bundle and what Lambda's Python brings."""
    settings = (
        b"[telemetry]\notlp = 'http://c'\n[environments.a.telemetry]\npushgateway = 'http://p'"
    )
    packed = bundle.zipped(settings)
    with zipfile.ZipFile(BytesIO(packed)) as made:
        made.extractall(tmp_path / "task")
        assert sum(one.file_size for one in made.infolist()) < 12_000_000  # of 250 MB
    lambdas = tmp_path / "lambdas"
    lambdas.mkdir()
    for name in LAMBDAS:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin)
        source = source.parent if source.name == "__init__.py" else source
        (lambdas / source.name).symlink_to(source)
    done = shipped(play())[0]
    half = replace(done, log=done.log[:4], status=Status.RUNNING, finished_at=None)
    ticks = [tmp_path / "half", tmp_path / "done"]
    for path, record in zip(ticks, (half, done), strict=True):
        path.write_bytes(encode(record))
    with serving(saying("")) as served:
        subprocess.run(
            [
                *(sys.executable, "-I", "-S", "-c", TICK, str(tmp_path / "task"), str(lambdas)),
                *(served.url, served.url, *map(str, ticks)),
            ],
            check=True,
        )
    asked = [request.partition(b"\r\n\r\n") for request in served.requests]
    spans = [
        span
        for head, _, body in asked
        if head.startswith(b"POST /v1/traces ")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    trace = trace_of(Place("shop", "sim"), done.id).to_bytes(16, "big")
    assert {span.trace_id for span in spans} == {trace}
    assert len({span.span_id for span in spans}) == len(spans) == len(done.plan.steps) + 1
    (whole,) = [span for span in spans if not span.parent_span_id]
    assert {span.parent_span_id for span in spans} == {b"", whole.span_id}
    assert whole.start_time_unix_nano == round(done.started_at * 1e9)  # in a tick before
    gauges = [body for head, _, body in asked if head.startswith(b"PUT /metrics/job/deployer/")]
    assert (
        b'deployer_deployment_status{environment="sim",service="shop",status="shipped"} 1.0'
        in (gauges[-1])
    )


def test_what_is_asked_for_and_not_installed_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(libraries, "ASKED", (("telemetry", "otlp", ("no-such-one",), "otel"),))
    with pytest.raises(NotPossibleNow, match=r"\[telemetry\] otlp is set.*'deployer\[otel\]'"):
        list(libraries.libraries(b"[telemetry]\notlp = 'http://c'"))


@pytest.mark.long  # asks the package index
@pytest.mark.parametrize("name", ["msgspec", "protobuf", "charset-normalizer"])
def test_what_is_compiled_is_there_for_lambdas_other_processor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[libraries.machine()]
    monkeypatch.setattr("platform.machine", lambda: other)
    monkeypatch.setattr(libraries, "ROOT", tmp_path)
    libraries.built.cache_clear()
    found = dict(libraries.files(name))
    libraries.built.cache_clear()
    assert any(path.endswith(".so") for path in found)

"""A real Prometheus, with samples every 15 seconds of counters that reset, begin late and stop.

Its database is written beforehand (`promtool tsdb create-blocks-from openmetrics`), so that hours of
a service's life need no hours.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from deployer.errors import CloudUnavailable
from deployer.model import Minute, Slot
from deployer.operations.counting import Counted
from deployer.settings.metrics import PrometheusMetric
from deployer.sources.asking import ask
from deployer.sources.composed import Composed
from deployer.sources.prometheus import Prometheus
from tests.downloads import Unreachable
from tests.sources import debian

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

NOON = 1_700_000_040
STARTS = range(NOON, NOON + 10 * 60, 60)
FACTS = {slot: {"slot": slot.value} for slot in Slot}
# Per 15 seconds: all, and of them bad. Green's first bad one comes in minute 4; its process is
# replaced, so that its counters begin again, at the end of minute 6.
BLUE, GREEN, LATE, RESET = (40, 1), (5, 2), 4, 7
BAD = 'sum(increase(orders_refused_total{slot="{slot}"}[1m]))'
ALL = 'sum(increase(orders_total{slot="{slot}"}[1m]))'


def openmetrics() -> str:
    """Samples from two minutes before `NOON` until the end."""
    lines: dict[str, list[str]] = {"orders": [], "orders_refused": []}
    for slot, (many, few) in (("blue", BLUE), ("green", GREEN)):
        total = bad = 0
        for step in range(-8, len(STARTS) * 4 + 1):
            at = NOON + 15 * step
            if slot == "green" and step == RESET * 4:
                total = bad = 0
            total += many
            lines["orders"].append(f'orders_total{{slot="{slot}",pod="a"}} {total} {at}')
            if slot == "blue" or step >= LATE * 4:
                bad += few
                lines["orders_refused"].append(f'orders_refused_total{{slot="{slot}"}} {bad} {at}')
    told = [f"# TYPE {name} counter\n" + "\n".join(rows) for name, rows in lines.items()]
    return "\n".join([*told, "# EOF\n"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        programs = debian.prometheus()
    except Unreachable as error:
        pytest.skip(f"no real Prometheus: {error}")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "samples").write_text(openmetrics())
    (folder / "prometheus.yml").write_text("global: {}\n")
    backfill = [str(programs.tool), "tsdb", "create-blocks-from", "openmetrics", "samples", "data"]
    subprocess.run(backfill, cwd=folder, check=True, capture_output=True, timeout=60)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "config.file": folder / "prometheus.yml", "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": "100y", "web.listen-address": f"127.0.0.1:{port}",
        "log.level": "warn",
    }  # fmt: skip
    command = [str(programs.server), *(f"--{key}={value}" for key, value in options.items())]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            await_ready(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            process.wait(30)


def await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            ask(f"{url}/-/ready", until=time.monotonic() + 5)
        except CloudUnavailable:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"not ready: {log.read_text()}")


def metric(url: str, bad: str = BAD, total: str = ALL, absent: str = "unknown") -> PrometheusMetric:
    return PrometheusMetric(name="refused", url=url, bad=bad, total=total, absent=absent)  # type: ignore[arg-type]


def counts(url: str, bad: str = BAD, total: str = ALL, absent: str = "unknown") -> Counted:
    return Prometheus(metric(url, bad, total, absent), {}).counts(STARTS, FACTS)


def test_what_the_counters_counted_by_minute_and_slot(server: str) -> None:
    found = counts(server, absent="none")
    assert found.known[Slot.BLUE] == dict.fromkeys(STARTS, (4.0, 160.0))
    green = found.known[Slot.GREEN]
    assert [green[at] for at in STARTS[:LATE]] == [(0.0, 20.0)] * LATE
    assert [green[at] for at in STARTS[RESET:]] == [
        (8.0, 20.0)
    ] * 3  # as if nothing had begun again
    assert found.unknown == {}


def test_a_counter_that_does_not_exist_yet_is_unknown_unless_the_query_or_the_settings_say_zero(
    server: str,
) -> None:
    found = counts(server)
    assert found.unknown == dict.fromkeys(STARTS[:LATE], "no count of bad ones of green")
    filled = counts(server, bad=f"({BAD}) or vector(0)")
    assert filled.unknown == {}
    assert filled.known[Slot.GREEN][STARTS[0]] == (0.0, 20.0)


def test_a_slot_that_nobody_scraped_is_silent(server: str) -> None:
    elsewhere = {**FACTS, Slot.GREEN: {"slot": "nowhere"}}
    found = Prometheus(metric(server), {}).counts(STARTS, elsewhere)
    assert found.known[Slot.GREEN] == {}
    assert set(found.known[Slot.BLUE]) == set(STARTS)


def test_what_is_no_number_is_unknown(server: str) -> None:
    found = counts(server, bad=f"({BAD}) * 0 / 0", absent="none")
    assert found.unknown[STARTS[0]] == "a count that is none of blue"
    assert found.known[Slot.BLUE] == {}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("orders_total", "2 series: the query must give one, by sum()"),
        (
            "sum(increase(orders_total[1m])",
            "answered 400: 1:31: parse error: unclosed left parenthesis",
        ),
        ("orders_total + on() orders_total", "answered 422"),
    ],
)
def test_a_query_that_cannot_be_right_says_why(server: str, query: str, said: str) -> None:
    with pytest.raises(CloudUnavailable) as failed:
        counts(server, bad=query)
    assert said in str(failed.value)


class Balancer:
    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        starts = range(int(since), int(until), 60)
        return {slot: tuple(Minute(float(at), 10) for at in starts) for slot in Slot}


def test_beside_the_load_balancers_metrics(server: str) -> None:
    """One that answers and one that nobody runs: the one's minutes are known, the other's are not."""
    sources = {
        "refused": Prometheus(metric(server, absent="none"), {}),
        "gone": Prometheus(metric("http://127.0.0.1:1"), {}),
    }
    found = Composed(Balancer(), sources, lambda: FACTS, time.time).traffic(NOON, NOON + 600)
    for minute in found[Slot.BLUE]:
        assert minute.custom == {"refused": (4.0, 160.0)}
        assert minute.unknown == {"gone": "http://127.0.0.1:1/api/v1/query_range: refused"}

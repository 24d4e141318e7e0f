"""The load beside other work: in a thread, and as a child process."""

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

import pytest

from deployer.errors import UsageError
from deployer.lab.load.runner import Load, run
from deployer.lab.load.target import Schedule

pytestmark = pytest.mark.alone


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["X-Deployer-Slot"] != "green" else 500)
        self.send_header("X-Release", "v5")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Silent."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_run_sends_headers_and_reports(url: str) -> None:
    report = run(url, 100, 0.2, headers={"X-Deployer-Slot": "green"})
    assert report.as_json()["releases"]["v5"]["failures"] == {"http_500": 20}


def test_a_target_elsewhere_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UsageError):
        run("http://192.0.2.1/", 1, 1)
    with pytest.raises(UsageError):
        Load("http://192.0.2.1/", Schedule(1, 1))


def test_a_load_in_a_thread_shows_progress_and_ends_with_its_block(url: str) -> None:
    with Load(url, Schedule(200, 3600)) as load:
        while load.progress()["requests"] < 20:
            pass
    report = load.report
    assert report.requests >= 20
    assert report.failed == 0
    assert load.progress() == report.as_json()


def test_a_load_may_end_by_itself(url: str) -> None:
    with Load(url, Schedule(100, 0.1)) as load:
        assert load.wait().requests == 10
        assert load.stop().requests == 10


def test_an_interrupted_run_still_reports(url: str) -> None:
    """What Ctrl-C does to `deployer lab load`."""
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    report = run(url, 100, 3600, interruptible=True)
    timer.join()
    assert 0 < report.requests == report.ok
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_is_not_wanted_any_more_still_reports(url: str) -> None:
    """What the lab's end does to `deployer lab load`."""
    answers = iter([True, False])
    report = run(url, 20, 3600, wanted=lambda: next(answers))
    assert 0 < report.requests == report.ok < 100
    assert next(answers, None) is None


def child(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deployer.lab.load", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(output: IO[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output]


@pytest.mark.parametrize("way", ["sigterm", "stdin"])
def test_a_child_ends_when_told_and_still_reports(url: str, way: str) -> None:
    with child(url, "--rps", "100", "--duration", "3600", "--every", "0.1") as load:
        assert load.stdin is not None
        assert load.stdout is not None
        first = json.loads(load.stdout.readline())
        if way == "sigterm":
            load.send_signal(signal.SIGTERM)
        else:
            load.stdin.close()
        *progress, report = lines(load.stdout)
        assert load.wait(10) == 0
    assert first["event"] == "progress"
    assert {line["event"] for line in progress} <= {"progress"}
    assert report["event"] == "report"
    assert report["requests"] == report["ok"] >= first["requests"]


def test_a_child_refuses_bad_arguments_with_status_2(url: str) -> None:
    for arguments in (
        ("http://192.0.2.1/", "--rps", "1", "--duration", "1"),
        (url, "--rps", "-1", "--duration", "1"),
        (url, "--rps", "1", "--duration", "1", "--header", "nonsense"),
    ):
        with child(*arguments) as load:
            assert load.wait(20) == 2
            assert load.stderr is not None
            assert load.stderr.read().startswith("load: ")

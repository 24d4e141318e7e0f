"""Ways to run the load client: to its end, or in a thread beside something else."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from deployer.lab.load.client import Client, drive
from deployer.lab.load.report import LoadReport
from deployer.lab.load.target import Schedule, Target, target

ASKED_S = 1.0


def run(
    url: str,
    rps: float,
    duration_s: float,
    *,
    headers: dict[str, str] | None = None,
    authority: Path | None = None,
    timeout_s: float = 10.0,
    max_in_flight: int = 512,
    interruptible: bool = False,
    wanted: Callable[[], bool] | None = None,
) -> LoadReport:
    """Send `rps` requests a second to `url` for `duration_s` real seconds; wait for all answers.

    authority:     of the certificates that https:// URLs show, see `target`.
    interruptible: SIGINT and SIGTERM stop the sending and the report still comes (main thread
                   only); otherwise they do what they always do.
    wanted:        asked every second; when it says no, the sending stops and the report comes.

    Raises:
        UsageError: a target that is not on this machine, or numbers beyond the bounds.
    """
    aim = target(url, headers, authority)
    schedule = Schedule(rps, duration_s, timeout_s, max_in_flight)

    async def main() -> LoadReport:
        client = Client(aim, schedule)
        if interruptible:
            stop_on_signals(client)
        return await drive(client, ASKED_S, lambda _: stop_unless(client, wanted))

    return asyncio.run(main())


def stop_unless(client: Client, wanted: Callable[[], bool] | None) -> None:
    """Stop `client` if it is not wanted any more."""
    if wanted is not None and not wanted():
        client.stop()


def stop_on_signals(client: Client) -> None:
    """SIGINT and SIGTERM stop `client`, for as long as the running loop lives."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, client.stop)


class Load:
    """A load that runs in a thread of its own; a context manager that ends it.

        with Load("http://127.0.0.1:8080/", Schedule(rps=100, duration_s=60)) as load:
            ...
            print(load.progress()["requests"])
        print(load.report.as_json())

    Raises:
        UsageError: the target is not on this machine.
    """

    def __init__(
        self,
        url: str,
        schedule: Schedule,
        *,
        headers: dict[str, str] | None = None,
        authority: Path | None = None,
    ) -> None:
        self._target: Target = target(url, headers, authority)
        self._schedule = schedule
        self._ready: Future[tuple[asyncio.AbstractEventLoop, Client]] = Future()
        self._result: Future[LoadReport] = Future()
        self._thread = threading.Thread(target=self._main, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def progress(self) -> dict[str, Any]:
        """The report so far, as JSON."""
        if self._result.done():
            return self._result.result().as_json()
        loop, client = self._ready.result()
        asked: Future[dict[str, Any]] = Future()
        try:
            loop.call_soon_threadsafe(lambda: asked.set_result(client.snapshot().as_json()))
        except RuntimeError:  # the loop has just ended: the report is there, or about to be
            return self._result.result().as_json()
        while not asked.done() and self._thread.is_alive():
            self._thread.join(0.001)
        return asked.result() if asked.done() else self._result.result().as_json()

    def stop(self) -> LoadReport:
        """Send no more, wait for the answers under way, and report."""
        loop, client = self._ready.result()
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(client.stop)
        return self.wait()

    def wait(self) -> LoadReport:
        """Wait until the schedule is done."""
        self._thread.join()
        return self._result.result()

    @property
    def report(self) -> LoadReport:
        return self.wait()

    def _main(self) -> None:
        async def main() -> LoadReport:
            client = Client(self._target, self._schedule)
            self._ready.set_result((asyncio.get_running_loop(), client))
            return await client.run()

        try:
            self._result.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            self._result.set_exception(error)

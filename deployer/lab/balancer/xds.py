"""Envoy's configuration as files: written when they changed, seen at once.

Envoy watches the folder of each kind; a file that is renamed into place is read whole, never half
(measured: 2 ms from rename to effect, lab.md C). Order: who can be sent to (endpoints, clusters)
before who is sent there (listeners, routes).
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from deployer.lab.balancer import clusters, listeners, routes
from deployer.lab.balancer.model import Endpoint, Fleet, Group, Listener, LoadBalancer
from deployer.lab.balancer.routes import Json


class Files:
    """The folder below which everything for Envoy lies."""

    def __init__(self, directory: Path, scale: float) -> None:
        self.directory = directory
        self.scale = scale
        self._written: dict[Path, str] = {}
        for kind in ("lds", "cds", "rds", "eds"):
            (directory / kind).mkdir(parents=True, exist_ok=True)
        self.publish(Fleet(), {})

    @property
    def access_log(self) -> Path:
        return self.directory / "access.pipe"

    @property
    def health_log(self) -> Path:
        return self.directory / "health.pipe"

    def source(self, kind: str, name: str) -> Json:
        """Where Envoy finds a resource, and what it watches for changes of it."""
        path = self._path(kind, name)
        return {
            "path_config_source": {
                "path": str(path),
                "watched_directory": {"path": str(path.parent)},
            },
            "resource_api_version": "V3",
        }

    def publish(self, fleet: Fleet, kept: Iterable[Group]) -> None:
        """Write everything but endpoints; `kept`: groups whose clusters must be there.

        A group's endpoints must have been written before.
        """
        self._clusters(kept)
        served = [(each, listener) for each in fleet.balancers for listener in each.listeners]
        for balancer, listener in served:
            setting = routes.Setting(balancer, fleet.groups, self.scale)
            made = routes.route_configuration(setting, listener)
            self._write("rds", routes.routes_name(balancer, listener), [made])
        self._write("lds", "all", [self._listener(*each) for each in served])

    def _listener(self, balancer: LoadBalancer, listener: Listener) -> Json:
        source = self.source("rds", routes.routes_name(balancer, listener))
        return listeners.listener_resource(balancer, listener, source, str(self.access_log))

    def _clusters(self, kept: Iterable[Group]) -> None:
        made = []
        for group in kept:
            checks = clusters.CHECKS + group.name
            made += [
                clusters.traffic_cluster(group, self.source("eds", group.name), self.scale),
                clusters.checks_cluster(
                    group, self.source("eds", checks), str(self.health_log), self.scale
                ),
            ]
        self._write("cds", "all", made)

    def endpoints(self, cluster: str, endpoints: Iterable[Endpoint]) -> None:
        """Write who is in a cluster."""
        self._write("eds", cluster, [clusters.assignment(cluster, endpoints)])

    def _path(self, kind: str, name: str) -> Path:
        return self.directory / kind / (re.sub(r"[^\w.-]", "_", name) + ".json")

    def _write(self, kind: str, name: str, resources: list[Json]) -> None:
        text = json.dumps({"resources": resources}, separators=(",", ":"))
        path = self._path(kind, name)
        if self._written.get(path) == text:
            return
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(path)
        self._written[path] = text

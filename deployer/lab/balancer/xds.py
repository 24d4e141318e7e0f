"""Envoy's configuration as files: written when they changed, seen at once.

Envoy watches the folder of each kind; a file that is renamed into place is read whole, never half
(measured: 2 ms from rename to effect, lab.md C). Order: who can be sent to (endpoints, clusters)
before who is sent there (listeners, routes).

Each file carries a version, which Envoy repeats in its statistics once it goes by it: on a busy machine
that may take longer than anybody would guess, and until then requests go by the file before.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployer.lab.balancer import clusters, listeners, routes
from deployer.lab.balancer.model import Endpoint, Fleet, Group, Listener, LoadBalancer
from deployer.lab.balancer.routes import Json

VERSION = "version_text"  # the end of the name of Envoy's statistic


class Files:
    """The folder below which everything for Envoy lies."""

    def __init__(self, directory: Path, scale: float) -> None:
        self.directory = directory
        self.scale = scale
        self._written: dict[Path, str] = {}
        self._versions: dict[str, str] = {}  # by the statistic that Envoy repeats it in
        self._number = 0
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
        kept = list(kept)
        self._clusters(kept)
        served = [(each, listener) for each in fleet.balancers for listener in each.listeners]
        for balancer, listener in served:
            setting = routes.Setting(balancer, fleet.groups, self.scale)
            made = routes.route_configuration(setting, listener)
            name = routes.routes_name(balancer, listener)
            self._write("rds", name, [made], _of_routes(name))
        made_listeners = [self._listener(*each) for each in served]
        self._write("lds", "all", made_listeners, "listener_manager.lds")
        self._forget_but(kept, served)

    def _forget_but(
        self, kept: Iterable[Group], served: Iterable[tuple[LoadBalancer, Listener]]
    ) -> None:
        """Envoy says nothing any more of what it was told to remove."""
        names = {f"cluster.{mark}{each.name}" for each in kept for mark in ("", clusters.CHECKS)}
        names |= {_of_routes(routes.routes_name(*each)) for each in served}
        names |= {"cluster_manager.cds", "listener_manager.lds"}
        self._versions = {key: value for key, value in self._versions.items() if key in names}

    def unread(self, statistics: Mapping[str, str]) -> list[str]:
        """What Envoy, by its statistics (`NAME.version_text`), does not go by as it was written last."""
        return [
            name
            for name, version in list(self._versions.items())
            if statistics.get(f"{name}.{VERSION}") != version
        ]

    @property
    def number(self) -> int:
        """How often something was written: another one, if Envoy has something to read."""
        return self._number

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
        self._write("cds", "all", made, "cluster_manager.cds")

    def endpoints(self, cluster: str, endpoints: Iterable[Endpoint]) -> None:
        """Write who is in a cluster."""
        made = clusters.assignment(cluster, endpoints)
        self._write("eds", cluster, [made], f"cluster.{cluster}")

    def _path(self, kind: str, name: str) -> Path:
        return self.directory / kind / (re.sub(r"[^\w.-]", "_", name) + ".json")

    def _write(self, kind: str, name: str, resources: list[Json], statistic: str) -> None:
        text = json.dumps(resources, separators=(",", ":"))
        path = self._path(kind, name)
        if self._written.get(path) == text:
            return
        self._number += 1
        draft = path.with_suffix(".draft")
        draft.write_text(f'{{"version_info":"{self._number}","resources":{text}}}')
        draft.rename(path)
        self._written[path], self._versions[statistic] = text, str(self._number)


def _of_routes(name: str) -> str:
    """Envoy's name for the statistics of a route configuration: it has no colons in such names."""
    return f"http.{listeners.STATISTICS}.rds.{name.replace(':', '_')}"

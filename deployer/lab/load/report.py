"""What the client saw: counts by release and cause. The JSON keys are stable.

`LoadReport.as_json()`:

    url, rps, duration_s        what was asked for
    elapsed_s                   seconds from the first request's time to the last answer
    requests                    sent; always ok + failed
    ok                          answered completely, status below 400
    failed                      all others; a failed request is never repeated
    failures                    {cause: count}, see below
    skipped                     due, but not sent: too many were in flight. A report with
                                skipped > 0 shows less than the rate that was asked for
    latency_ms                  {p50, p95, p99, max} of complete answers, from the moment of sending
    lag_ms                      {p50, p95, p99, max} by how much requests were sent later than
                                due: the client's own slowness, which is in no latency
    connections                 opened
    stale_connections           closed by the server while idle, before a byte of a request was
                                sent on them: no request was lost by that
    cpu_s                       processor time of the client
    releases                    {release: {requests, ok, failed, failures, latency_ms}} by the
                                answer's X-Release. "none": answered without that header, that is
                                by the load balancer itself. "unanswered": no answer's head came,
                                so nobody knows whose the request was
    failure_samples             the first 20 failures of each cause: [{at_s, cause, release, idle_s}], at_s
                                from start; idle_s: how long the connection had been idle before, null
                                for a new one, and for an answer

Causes: `http_STATUS` (400 and above), `connect` (no connection was made), `tls` (no secure one: its
certificate is not trusted, or not for this name), `timeout` (not answered
completely in time), `reset` (connection ended after a byte of the request was sent and before the
answer was complete), `protocol` (the answer was not HTTP/1.1).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.load.histogram import Histogram

NONE = "none"
UNANSWERED = "unanswered"
SAMPLES = 20


@dataclass(slots=True)
class Tally:
    """Requests of one release."""

    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    @property
    def failed(self) -> int:
        return self.failures.total()

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "ok": self.requests - self.failed,
            "failed": self.failed,
            "failures": dict(sorted(self.failures.items())),
            "latency_ms": self.latency.summary(),
        }


@dataclass(slots=True)
class LoadReport:
    """See the module. Counts while the load runs, too."""

    url: str
    rps: float
    duration_s: float
    elapsed_s: float = 0.0
    skipped: int = 0
    connections: int = 0
    stale_connections: int = 0
    cpu_s: float = 0.0
    releases: dict[str, Tally] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    failure_samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(tally.requests for tally in self.releases.values())

    @property
    def failures(self) -> Counter[str]:
        return sum((tally.failures for tally in self.releases.values()), Counter[str]())

    @property
    def failed(self) -> int:
        return self.failures.total()

    @property
    def ok(self) -> int:
        return self.requests - self.failed

    def answered(self, release: str, status: int, latency_ms: float, at_s: float) -> None:
        """A complete answer."""
        tally = self._tally(release)
        tally.requests += 1
        tally.latency.add(latency_ms)
        self.latency.add(latency_ms)
        if status >= 400:
            self._failure(tally, release, f"http_{status}", at_s)

    def lost(self, release: str, cause: str, at_s: float, idle_s: float | None = None) -> None:
        """A request without a complete answer, on a connection that had been idle for `idle_s`."""
        tally = self._tally(release)
        tally.requests += 1
        self._failure(tally, release, cause, at_s, idle_s)

    def _tally(self, release: str) -> Tally:
        return self.releases.setdefault(release, Tally())

    def _failure(
        self, tally: Tally, release: str, cause: str, at_s: float, idle_s: float | None = None
    ) -> None:
        tally.failures[cause] += 1
        if sum(each["cause"] == cause for each in self.failure_samples) < SAMPLES:
            idle = None if idle_s is None else round(idle_s, 3)
            sample = {"at_s": round(at_s, 3), "cause": cause, "release": release, "idle_s": idle}
            self.failure_samples.append(sample)

    def as_json(self) -> dict[str, Any]:
        """The keys that the module documents."""
        return {
            "url": self.url,
            "rps": self.rps,
            "duration_s": self.duration_s,
            "elapsed_s": round(self.elapsed_s, 3),
            "requests": self.requests,
            "ok": self.ok,
            "failed": self.failed,
            "failures": dict(sorted(self.failures.items())),
            "skipped": self.skipped,
            "latency_ms": self.latency.summary(),
            "lag_ms": self.lag.summary(),
            "connections": self.connections,
            "stale_connections": self.stale_connections,
            "cpu_s": round(self.cpu_s, 3),
            "releases": {name: self.releases[name].as_json() for name in sorted(self.releases)},
            "failure_samples": list(self.failure_samples),
        }

"""The rule of deployer/analysis on a stream: what it knows beforehand."""

from collections.abc import Mapping

from benchmarks.analysis.stream import Stream
from deployer.analysis.counts import Counts
from deployer.analysis.dispersion import Base, base
from deployer.analysis.limits import Limits
from deployer.analysis.peers.policy import Kind, Served
from deployer.analysis.terms import Terms


def bases(stream: Stream) -> Mapping[str, Base]:
    """What the stable slot's history says of both metrics."""
    history = stream.history()

    def zones(kind: Kind) -> Base:
        return base([{"a": counts(a, kind), "b": counts(b, kind)} for a, b in history])

    return {"failures": zones("failed"), "slow": zones("slow")}


def counts(served: Served, kind: Kind) -> Counts:
    return Counts(served.requests, served.bad(kind))


def terms(stream: Stream, known: Mapping[str, Base], limits: Limits) -> Terms:
    """As a plan has them."""
    return Terms(limits, known, requests_per_min=stream.scenario.requests(0))

"""A clock that only moves when somebody sleeps: the deployer's own, by which it estimates too."""

from deployer.simulation.clock import NOON, SimClock, Stuck

__all__ = ["NOON", "SimClock", "Stuck"]

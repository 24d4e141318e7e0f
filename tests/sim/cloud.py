"""A simulated environment: the deployer's own, by which it estimates too."""

from deployer.simulation.cloud import MILLION, RETURNING, TURNOVER_S, SimCloud

__all__ = ["MILLION", "RETURNING", "TURNOVER_S", "SimCloud"]

"""What users saw: the deployer's own, by which it estimates too."""

from deployer.simulation.ledger import MINUTE_S, Count, Ledger, Part

__all__ = ["MINUTE_S", "Count", "Ledger", "Part"]

"""Teardown of one environment: what forbids it, and how it is done (docs/teardown.md)."""

"""Fixtures of the contract tests, where an adapter is met over HTTP, and of the command line."""

from tests.cli.conftest import staged
from tests.contract.conftest import admin, aws, calls, clock, context, hasty

__all__ = ["admin", "aws", "calls", "clock", "context", "hasty", "staged"]

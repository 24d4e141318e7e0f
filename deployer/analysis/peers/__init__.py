"""What other systems' rules would do, minute by minute: restated from their sources, not run.

For `deployer replay` and for the benchmark. Nothing that ships a release uses any of it.
"""

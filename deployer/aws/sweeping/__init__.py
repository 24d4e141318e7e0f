"""Adapters of the sweeps (deployer.operations.idle): many environments in few calls."""

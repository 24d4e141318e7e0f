"""Environments that nobody uses: found, told about, looked at again, torn down."""

"""Adapters: the ports, spoken in boto3."""

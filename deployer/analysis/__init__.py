"""Counts in, verdict out."""

"""A simulated environment over the real engine: what a plan will come to, before it begins."""

"""A past deployment's minutes through other rules, and what was known minute by minute."""

"""Goals with deadlines: each step looks, and asks for at most one change."""

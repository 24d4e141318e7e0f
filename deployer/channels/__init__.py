"""Where notices go: each channel sends one; the outbox says when, and how often."""

"""What carries a plan out: one look, one transition, one change at a time; and every way off it. Pure."""

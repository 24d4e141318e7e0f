"""What this process has of its machine: the clock, zones, who runs it, memory, Node."""

"""AWS Step Functions in the lab: Standard state machines."""

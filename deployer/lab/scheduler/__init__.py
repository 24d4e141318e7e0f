"""EventBridge Scheduler in the lab."""

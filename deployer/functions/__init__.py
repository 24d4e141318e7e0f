"""What runs in the cloud without a machine of ours: entry points of Lambda functions, thin as the commands."""

"""One local process for each EC2 instance: the artifact and start command that EC2 would run."""

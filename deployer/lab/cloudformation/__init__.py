"""CloudFormation for the lab: a small engine of our own over the API (why: lab.md A)."""

"""What CloudFormation can make here: one table of resource types per service."""

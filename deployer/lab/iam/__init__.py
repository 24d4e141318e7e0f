"""IAM in the lab: roles' real policies are evaluated, and enforced on whoever runs under them."""

"""CloudWatch: metrics of the load balancer, metric math, alarms; in the lab's virtual time."""

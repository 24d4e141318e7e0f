"""Zero-downtime releases for services on EC2 Auto Scaling behind an Application Load Balancer."""

"""The local AWS: moto as the control plane, Envoy as the load balancer, processes as instances."""

"""What AWS CDK provisions: the network, the twin service and the control plane."""

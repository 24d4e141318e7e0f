"""The load balancer as a part of the lab."""

from deployer.lab.balancer.api import Api
from deployer.lab.balancer.api_groups import GroupsApi
from deployer.lab.balancer.data_plane import DataPlane
from deployer.lab.context import Context


class Balancer(DataPlane):
    """Component and TrafficSource: Envoy as the load balancer, elbv2's actions taken over.

    `actions.install(context)` must have been called; Envoy is ready when this returns.

    Raises:
        EnvoyFailed: Envoy does not start; the message ends with its last words.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        Api(self).install()
        GroupsApi(self).install()

"""The way in: security groups, the load balancer and its listeners, all closed by default.

Each listener answers a fixed 503 by itself. What the production listener forwards is the
deployer's affair; the test listener leads to the slots by header (`stacks.twin_service`). With a
certificate both speak HTTPS, and a third listener sends plain HTTP there.
"""

from aws_cdk import Duration, aws_ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.settings.schema import Settings
from stacks.acknowledged import acknowledge
from stacks.doors import behind, doors
from stacks.props import Place, TwinServiceProps
from stacks.raw import raw


class Entrance(Construct):
    """`balancer`, its listeners `production` and `test`, and `instances`: the slots' security group."""

    def __init__(self, scope: Construct, name: str, props: TwinServiceProps) -> None:
        super().__init__(scope, name)
        settings, place = props.settings(), props.place
        front = doors(self, place.vpc, settings)
        self.instances = behind(self, place.vpc, front, settings.service.port)
        self.balancer = self._balancer(settings, place, front)
        self._log(props)
        environment = settings.environment
        self.production = self._listener("Production", environment.listener_port, settings)
        self.test = self._listener("Test", environment.test_listener_port, settings)
        if settings.balancer.certificate:
            self._redirect(settings)

    def _balancer(
        self, settings: Settings, place: Place, front: aws_ec2.SecurityGroup
    ) -> elbv2.ApplicationLoadBalancer:
        return elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=place.vpc,
            internet_facing=True,
            vpc_subnets=place.balancer_subnets,
            security_group=front,
            drop_invalid_header_fields=True,
            idle_timeout=Duration.seconds(settings.balancer.idle_timeout_s),
            deletion_protection=settings.environment.protected,
        )

    def _log(self, props: TwinServiceProps) -> None:
        if props.logs is not None and props.balancer.access_logs_s:
            self.balancer.log_access_logs(props.logs)
        else:
            acknowledge(
                self.balancer,
                {
                    "AwsSolutions-ELB2": "Access logs are turned off in the settings: [balancer] "
                    "access_logs."
                },
            )

    def _listener(self, name: str, port: int, settings: Settings) -> elbv2.ApplicationListener:
        certificate = settings.balancer.certificate
        secure = elbv2.ApplicationProtocol.HTTPS
        made = self.balancer.add_listener(
            name,
            port=port,
            protocol=secure if certificate else elbv2.ApplicationProtocol.HTTP,
            certificates=[elbv2.ListenerCertificate.from_arn(certificate)] if certificate else None,
            # Who may connect is the security group's affair, from the settings.
            open=False,
            default_action=elbv2.ListenerAction.fixed_response(
                503, content_type="text/plain", message_body="No release serves here yet.\n"
            ),
        )
        if certificate:
            # The CDK has an enumeration here, which policies newer than itself are not in.
            raw(made).add_property_override("SslPolicy", settings.balancer.tls_policy)
        return made

    def _redirect(self, settings: Settings) -> None:
        self.balancer.add_listener(
            "Redirect",
            port=settings.balancer.redirect_port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            open=False,
            default_action=elbv2.ListenerAction.redirect(
                protocol="HTTPS", port=str(settings.environment.listener_port), permanent=True
            ),
        )

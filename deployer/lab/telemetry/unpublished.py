"""What AWS publishes of a load balancer and the lab does not: refused, since silence would read as zero.

Source: ELB user guide, load-balancer-cloudwatch-metrics, the tables of metrics with their dimensions.
A metric that AWS does not have either stays what it is there: without data. ConsumedLCUs is let
through: who asks for it asks whether anything is known at all, and the lab's RequestCount is always
there.
"""

from deployer.lab.telemetry.store import Metric

NAMESPACE = "AWS/ApplicationELB"
ZONE = "AvailabilityZone"
ENTIRELY = frozenset(
    {
        "ActiveConnectionCount",
        "AnomalousHostCount",
        "ClientTLSNegotiationErrorCount",
        "DesyncMitigationMode_NonCompliant_Request_Count",
        "DroppedInvalidHeaderRequestCount",
        "ForwardedInvalidHeaderRequestCount",
        "GrpcRequestCount",
        "HTTPCode_ELB_3XX_Count",
        "HTTPCode_ELB_4XX_Count",
        "HTTP_Redirect_Count",
        "HTTP_Redirect_Url_Limit_Exceeded_Count",
        "HealthyStateDNS",
        "HealthyStateRouting",
        "IPv6ProcessedBytes",
        "IPv6RequestCount",
        "MitigatedHostCount",
        "NewConnectionCount",
        "NonStickyRequestCount",
        "PeakLCUs",
        "ProcessedBytes",
        "RejectedConnectionCount",
        "ReservedLCUs",
        "RuleEvaluations",
        "TargetTLSNegotiationErrorCount",
        "UnhealthyStateDNS",
        "UnhealthyStateRouting",
        "ZonalShiftedHostCount",
    }
)
# The lab's load balancer has one node, in no zone: what it does itself belongs to none.
BY_ZONE = frozenset(
    {
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_ELB_500_Count",
        "HTTPCode_ELB_502_Count",
        "HTTPCode_ELB_503_Count",
        "HTTPCode_ELB_504_Count",
        "HTTP_Fixed_Response_Count",
    }
)


def lacking(metric: Metric) -> str:
    """What of the metric only AWS has, in words; empty: the lab publishes it, or nobody does."""
    if metric.namespace != NAMESPACE:
        return ""
    if metric.name in ENTIRELY:
        return f"the metric {metric.name}"
    zoned = ZONE in dict(metric.dimensions)
    return f"the metric {metric.name} by {ZONE}" if zoned and metric.name in BY_ZONE else ""

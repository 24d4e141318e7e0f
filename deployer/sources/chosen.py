"""The sources that the settings name, beside the load balancer's metrics."""

from collections.abc import Callable, Mapping, Sequence

from deployer.ports import Clock, Metrics
from deployer.settings.metrics import AnyMetric, CloudWatchMetric, PrometheusMetric, WebhookMetric
from deployer.sources.composed import Composed, Facts, Source
from deployer.sources.prometheus import Prometheus
from deployer.sources.webhook import Webhook


def beside(
    metrics: Metrics,
    further: Sequence[AnyMetric],
    facts: Callable[[], Facts],
    environ: Mapping[str, str],
    clock: Clock,
) -> Metrics:
    """`metrics` with `further` ones that are asked over HTTP; CloudWatch's own are its adapter's."""
    sources = {
        each.name: source(each, environ)
        for each in further
        if not isinstance(each, CloudWatchMetric)
    }
    return Composed(metrics, sources, facts, clock.now) if sources else metrics


def source(metric: PrometheusMetric | WebhookMetric, environ: Mapping[str, str]) -> Source:
    """Who tells of one metric."""
    match metric:
        case PrometheusMetric():
            return Prometheus(metric, environ)
        case WebhookMetric():
            return Webhook(metric, environ)

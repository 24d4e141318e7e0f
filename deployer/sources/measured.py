"""Everything that is measured of an environment: its load balancer's metrics, and what the settings name."""

from collections.abc import Mapping
from functools import partial

from deployer.aws.cloudwatch import CloudWatchMetrics
from deployer.aws.environment import AwsCloud
from deployer.aws.further import Further
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.aws.standing import facts as facts_of
from deployer.model import Slot
from deployer.ports import Clock, Metrics
from deployer.settings.metrics import CloudWatchMetric
from deployer.settings.schema import Settings
from deployer.sources.chosen import beside


def measured(
    aws: Aws,
    found: Published,
    settings: Settings,
    cloud: AwsCloud,
    *,
    environ: Mapping[str, str],
    clock: Clock,
) -> tuple[CloudWatchMetrics, Metrics]:
    """The load balancer's metrics, and these with whatever else the settings name."""
    named = settings.analysis.metrics
    facts = partial(standing, found, settings, cloud)
    further = Further([each for each in named if isinstance(each, CloudWatchMetric)], facts)
    cloudwatch = CloudWatchMetrics(aws, found, further)
    return cloudwatch, beside(cloudwatch, named, facts, environ, clock)


def standing(
    found: Published, settings: Settings, cloud: AwsCloud
) -> Mapping[Slot, Mapping[str, str]]:
    """What the words in braces of a metric's query stand for now, by slot."""
    names = settings.service.name, settings.environment.name
    return facts_of(found, *names, cloud.booted)

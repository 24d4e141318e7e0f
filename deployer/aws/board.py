"""The port `Board`: metrics of our own, put into CloudWatch in the background of this process.

In the background, since `show` is called between the journal and a change: a weight must not wait for
a graph. What cannot be sent is dropped, said once, and not tried again for a while.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.engine.marks import Reading
from deployer.errors import DeployError
from deployer.ports import Clock
from deployer.topology import METRICS_NAMESPACE, WEIGHT_METRIC, metric_dimensions

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

NEEDS = (Need("cloudwatch:PutMetricData", Resource.OWN_METRICS),)
WAITING: Final = 50  # calls that may be waiting; a deployment needs one a minute
SILENT_S: Final = 300.0  # after a failure
CLOSING_S: Final = 2.0  # real seconds that the end of a command waits for the last call

Batch = Sequence[Reading]


class CloudWatchBoard:
    """The metrics of one environment; each call of `show` is one PutMetricData."""

    def __init__(self, aws: Aws, service: str, environment: str, clock: Clock) -> None:
        self._aws = aws
        self._service, self._environment = service, environment
        self._clock = clock
        self._waiting: queue.Queue[Batch | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._silent_until = float("-inf")

    def show(self, readings: Sequence[Reading]) -> None:
        if self._clock.now() < self._silent_until:
            return
        try:
            self._begin()
            self._waiting.put_nowait(tuple(readings))
        except DeployError as error:
            self._fail(str(error))
        except queue.Full:
            self._fail("CloudWatch does not answer in time")

    def trouble(self) -> str:
        said, self._trouble = self._trouble, ""
        return said

    def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return  # the thread is a daemon: it ends with the process
        thread.join(CLOSING_S)

    def _begin(self) -> None:
        """boto3 makes clients in one thread only: in this one, before the other has it."""
        if self._thread is None:
            client = self._aws.cloudwatch
            self._thread = threading.Thread(target=self._send_all, args=(client,), daemon=True)
            self._thread.start()

    def _send_all(self, client: CloudWatchClient) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._clock.now() >= self._silent_until:
                self._send(client, batch)

    def _send(self, client: CloudWatchClient, batch: Batch) -> None:
        data = [datum(each, self._service, self._environment) for each in batch]
        try:
            with asking("cloudwatch:PutMetricData", f"the namespace {METRICS_NAMESPACE}"):
                client.put_metric_data(Namespace=METRICS_NAMESPACE, MetricData=data)
        except DeployError as error:
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        self._silent_until = self._clock.now() + SILENT_S
        self._trouble = f"weights and marks are not on the dashboard: {why}"


def datum(reading: Reading, service: str, environment: str) -> MetricDatumTypeDef:
    """A reading as PutMetricData takes it; by the minute, which is what a dashboard shows."""
    dimensions = metric_dimensions(service, environment, reading.slot)
    return {
        "MetricName": reading.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Timestamp": datetime.fromtimestamp(reading.at, UTC),
        "Value": reading.value,
        "Unit": "Percent" if reading.metric == WEIGHT_METRIC else "Count",
    }

"""What the CloudWatch agent takes as its configuration, as far as ours goes. Pure.

Source: CloudWatch User Guide, "Manually create or edit the CloudWatch agent configuration file". What
is not listed here is refused, not ignored, so that a misspelt key is found.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
# What `append_dimensions` of all metrics may say, and to the letter.
DIMENSIONS = {
    name: f"${{aws:{name}}}"
    for name in ("ImageId", "InstanceId", "InstanceType", "AutoScalingGroupName")
}
# This one the agent looks up in EC2 itself, and until it has it no metric is sent.
ASKS_EC2 = {"AutoScalingGroupName": "ec2:DescribeTags"}
MEASURED = {
    "mem": {"mem_used_percent", "mem_used", "mem_available", "mem_available_percent", "mem_total"},
    "disk": {"used_percent", "inodes_free", "free", "used", "total"},
}
PER_METRIC = {
    "mem": {"measurement", "append_dimensions", "metrics_collection_interval"},
    "disk": {"measurement", "resources", "append_dimensions", "metrics_collection_interval"},
}
FILE_KEYS = {"file_path", "log_group_name", "log_stream_name", "retention_in_days", "timezone"}
PLACEHOLDERS = ("{instance_id}", "{hostname}", "{local_hostname}", "{ip_address}")


def permissions(config: Json) -> set[str]:
    """What the agent needs of IAM with this configuration."""
    dimensions = config.get("metrics", {}).get("append_dimensions", {})
    return {
        *(["cloudwatch:PutMetricData"] if "metrics" in config else []),
        *(["logs:CreateLogStream", "logs:PutLogEvents"] if "logs" in config else []),
        *(ASKS_EC2[name] for name in dimensions if name in ASKS_EC2),
    }


def refusals(config: Json) -> list[str]:
    """Everything that is wrong with it; empty: it is taken."""
    found = [f"unknown section {name}" for name in config.keys() - {"agent", "metrics", "logs"}]
    found += _metrics(config["metrics"]) if "metrics" in config else []
    return found + (list(_logs(config["logs"])) if "logs" in config else [])


def _metrics(section: Json) -> list[str]:
    known = {"append_dimensions", "metrics_collected", "namespace", "aggregation_dimensions"}
    found = [f"unknown key metrics.{name}" for name in section.keys() - known]
    for name, value in section.get("append_dimensions", {}).items():
        if DIMENSIONS.get(name) != value:
            found.append(f"append_dimensions: {name} = {value}")
    for plugin, said in section["metrics_collected"].items():
        unknown = said.keys() - PER_METRIC.get(plugin, set())
        found += [f"unknown key {plugin}.{name}" for name in unknown]
        unmeasured = set(said["measurement"]) - MEASURED.get(plugin, set())
        found += [f"{plugin} measures no {name}" for name in unmeasured]
        texts = said.get("append_dimensions", {}).values()
        found += [f"{plugin}: dimension {one!r}" for one in texts if not one or "$" in one]
    return found


def _logs(section: Json) -> Iterator[str]:
    for file in section["logs_collected"]["files"]["collect_list"]:
        yield from (f"unknown key {name} of a file" for name in file.keys() - FILE_KEYS)
        if not file["file_path"].startswith("/") or not file.get("log_group_name"):
            yield f"file {file}"
        stream = file.get("log_stream_name", "{instance_id}")
        if stream.count("{") != sum(stream.count(one) for one in PLACEHOLDERS):
            yield f"log_stream_name {stream}"

"""[telemetry]: traces and metrics of deployments, for those who have a place for them."""

from typing import Annotated

from msgspec import Meta, Struct

AddressOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[^\s/?#@\\]+(?:/[!-~]*)?)?$",
        max_length=2048,
        description='an address such as http://localhost:4318, or ""',
    ),
]
FolderOrNone = Annotated[
    str, Meta(pattern=r"^[^\x00-\x1f]{0,1024}$", description='the path of a folder, or ""')
]


class TelemetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[telemetry]: see docs/telemetry.md.

    otlp:        OpenTelemetry's collector, without /v1/traces.
    pushgateway: of Prometheus.
    textfile:    folder of node_exporter's textfile collector.
    """

    otlp: AddressOrNone = ""
    pushgateway: AddressOrNone = ""
    textfile: FolderOrNone = ""

"""[telemetry]: traces and metrics of deployments, for those who have a place for them."""

from typing import Annotated

from msgspec import Meta, Struct

from deployer.settings.notify import ReferenceOrNone

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

    otlp:         OpenTelemetry's collector, without /v1/traces.
    otlp_headers: where the secret is that holds `name=value,name=value`: what a vendor wants to see.
    pushgateway:  of Prometheus.
    textfile:     folder of node_exporter's textfile collector.
    """

    otlp: AddressOrNone = ""
    otlp_headers: ReferenceOrNone = ""
    pushgateway: AddressOrNone = ""
    textfile: FolderOrNone = ""

"""Load balancers as Envoy's listeners: one for each load balancer and listener port.

Only what ALB does: HTTP/1.1, TLS, X-Forwarded-*, an idle timeout, ELB's own error pages and codes.
"""

from deployer.lab.balancer.conditions import SOURCE_HEADER
from deployer.lab.balancer.counters import access_log_format
from deployer.lab.balancer.model import Listener, LoadBalancer
from deployer.lab.balancer.routes import TYPE, Json, duration, routes_name
from deployer.lab.balancer.tls import transport_socket

# Envoy answers 503 to these; ALB says 502 (aws-facts 1.8): the connection to the target failed
# (UF) or ended (UC, UR), or the target's answer was not HTTP (UPE).
BAD_GATEWAY_FLAGS = ["UF", "UC", "UR", "UPE"]
# No target to send to: no endpoint (UH), no cluster yet (NC).
UNAVAILABLE_FLAGS = ["UH", "NC"]
# The target was silent for too long (SI); with an unfinished request that is the client's 408.
TIMEOUT_FLAGS = ["SI", "UT"]
PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
)
HTTP = "envoy.extensions.filters.http."
STATISTICS = "lab"  # in the names of Envoy's


def listener_resource(
    balancer: LoadBalancer, listener: Listener, rds: Json, access_log: str
) -> Json:
    """Envoy's Listener, whose routes come from `rds` and whose requests are told to `access_log`."""
    name = routes_name(balancer, listener)
    manager = {
        "@type": TYPE + "envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": STATISTICS,
        "codec_type": "HTTP1",
        "rds": {"route_config_name": name, "config_source": rds},
        "use_remote_address": True,
        "skip_xff_append": True,  # Envoy puts another address for loopback clients; see routes
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": duration(balancer.idle_timeout_s),
        "common_http_protocol_options": _connection(balancer),
        "early_header_mutation_extensions": [_source_header()],
        "http_filters": _filters(),
        "local_reply_config": _local_replies(),
        "access_log": [_access_log(balancer.name, access_log)],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    chain: Json = {"filters": filters}
    if listener.tls is not None:
        chain["transport_socket"] = transport_socket(listener.tls)
    return {
        "@type": TYPE + "envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": balancer.address, "port_value": listener.port}},
        "filter_chains": [chain],
    }


def _connection(balancer: LoadBalancer) -> Json:
    options: Json = {
        "idle_timeout": duration(balancer.idle_timeout_s),
        "max_connection_duration": duration(balancer.client_keep_alive_s),
    }
    if balancer.drop_invalid_headers:
        options["headers_with_underscores_action"] = "DROP_HEADER"
    return options


def _source_header() -> Json:
    """The connecting address, for source-ip conditions; what a client claims is overwritten."""
    header = {"key": SOURCE_HEADER, "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": TYPE
            + "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
            ],
        },
    }


def _filters() -> list[Json]:
    """Target stickiness is off unless a route turns it on."""
    return [
        {
            "name": "envoy.filters.http.stateful_session",
            "typed_config": {"@type": TYPE + HTTP + "stateful_session.v3.StatefulSession"},
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": TYPE + HTTP + "router.v3.Router",
                "suppress_envoy_headers": True,
            },
        },
    ]


def _local_replies() -> Json:
    """ELB's own answers: their codes, pages and Server header.

    Chosen by Envoy's flags, never by code: a rule's fixed response may be a 503 too.
    """
    return {
        "mappers": [
            _mapper(_flags(*BAD_GATEWAY_FLAGS), 502, "502 Bad Gateway"),
            _mapper(_flags(*UNAVAILABLE_FLAGS), 503, "503 Service Temporarily Unavailable"),
            _mapper(_and(_flags(*TIMEOUT_FLAGS), _code(504)), 504, "504 Gateway Time-out"),
        ]
    }


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _and(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}


def _code(code: int) -> Json:
    value = {"default_value": code, "runtime_key": "lab.unset"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _mapper(condition: Json, code: int, title: str) -> Json:
    return {
        "filter": condition,
        "status_code": code,
        "body": {"inline_string": PAGE.format(title=title)},
        "body_format_override": {
            "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
            "content_type": "text/html",
        },
        "headers_to_add": [
            {
                "header": {"key": "server", "value": "awselb/2.0"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _access_log(balancer: str, path: str) -> Json:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"text_format_source": {"inline_string": access_log_format(balancer)}},
        },
    }

"""Envoy's configuration: a listener that speaks HTTP/2, this process's Python behind it, and bounds on everything."""

import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

from server.lifetime import DRAIN_SECONDS_MAX
from server.settings import ServerSettings
from server.transport_limits import (
    ANSWER_SECONDS_MAX,
    CONNECTION_AGE_SECONDS,
    CONNECTION_IDLE_SECONDS,
    HANDSHAKE_SECONDS_MAX,
    KEEPALIVE_SECONDS,
    KEEPALIVE_TIMEOUT_SECONDS,
    METADATA_BYTES_MAX,
    STREAM_SECONDS_MAX,
    STREAMS_MAX,
)

KIB = 1024
MIB = 1024 * KIB

CONNECTIONS_MAX = 2_000
"""Connections that a worker keeps; one more is closed at once."""
STREAM_WINDOW_BYTES = 256 * KIB
"""How much of a request may be on its way before this process has read what came before."""
CONNECTION_WINDOW_BYTES = MIB
"""The same for all requests of a connection together."""
HEADERS_MAX = 100
HEADERS_SECONDS_MAX = 10
"""How long a request's headers may take until they are whole."""
RESETS_MAX = 500
"""Streams that a connection may begin and reset within RESET_SECONDS each; more, and most of them so: it is closed."""
RESET_SECONDS = 1
CONTROL_FRAMES_MAX = 1_000
"""Answers to PING, SETTINGS and RST_STREAM that may wait for a peer which does not read them."""
FRAMES_MAX = 10_000
"""Frames of all kinds that may wait for a peer which does not read them."""
HEAP_BYTES_MAX = 512 * MIB
"""Of Envoy's own heap, without Python's: near it new requests are refused."""

FILTER = "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter"
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ACCESS = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"

PATHS = "[!-$&->@-~]+"
"""Paths that reach Python: printable ASCII without % and ?, as all paths of gRPC are. The module decodes a path, and
does not answer one that is not UTF-8 then; nor is a method to be had by another spelling of its path."""

Config = dict[str, Any]


class Hosted(NamedTuple):
    """What Envoy hosts."""

    module: Path
    """The library that loads Python into Envoy."""
    application: str
    """The ASGI application, as module:attribute."""
    admin_socket: Path
    """Where Envoy's own administration listens: a socket that only this user can reach."""
    certificate: Path | None
    """The file that server_certificate describes; None to serve without TLS."""


def bootstrap(settings: ServerSettings, hosted: Hosted) -> Config:
    """Return Envoy's configuration for one worker."""
    return {
        "node": {"id": "worker", "cluster": "charging"},
        "admin": {"address": {"pipe": {"path": str(hosted.admin_socket), "mode": 0o600}}},
        "static_resources": {"listeners": [_listener(settings, hosted)]},
        "layered_runtime": {"layers": [{"name": "limits", "static_layer": _runtime()}]},
        "overload_manager": _overload_manager(),
    }


def _runtime() -> Config:
    return {
        "overload.premature_reset_total_stream_count": RESETS_MAX,
        "overload.premature_reset_min_stream_lifetime_seconds": RESET_SECONDS,
    }


def _overload_manager() -> Config:
    resource = "type.googleapis.com/envoy.extensions.resource_monitors"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"{resource}.downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": CONNECTIONS_MAX,
                },
            },
            {
                "name": "envoy.resource_monitors.fixed_heap",
                "typed_config": {
                    "@type": f"{resource}.fixed_heap.v3.FixedHeapConfig",
                    "max_heap_size_bytes": HEAP_BYTES_MAX,
                },
            },
        ],
        "actions": [
            {
                "name": "envoy.overload_actions.stop_accepting_requests",
                "triggers": [{"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": 0.95}}],
            }
        ],
    }


def _listener(settings: ServerSettings, hosted: Hosted) -> Config:
    (_, _, _, _, (address, *_)), *_ = socket.getaddrinfo(settings.listen_host, settings.port, type=socket.SOCK_STREAM)
    tls = {} if hosted.certificate is None else {"transport_socket": _tls(hosted.certificate)}
    both = {"ipv4_compat": True} if address == "::" else {}  # As gRPC: "any address" is IPv4's as well.
    return {
        "name": "grpc",
        "stat_prefix": "grpc",
        "address": {"socket_address": {"address": address, "port_value": settings.port, **both}},
        "enable_reuse_port": True,
        "per_connection_buffer_limit_bytes": CONNECTION_WINDOW_BYTES,
        "filter_chains": [
            {
                "filters": [{"name": "http", "typed_config": _http(hosted)}],
                "transport_socket_connect_timeout": f"{HANDSHAKE_SECONDS_MAX}s",
                **tls,
            }
        ],
    }


def _tls(certificate: Path) -> Config:
    name = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    source = {"path_config_source": {"path": str(certificate)}}
    return {
        "name": "tls",
        "typed_config": {
            "@type": name,
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificate_sds_secret_configs": [{"name": "server", "sds_config": source}],
            },
        },
    }


def server_certificate(certificate: Path, key: Path) -> Config:
    """Return the contents of the file by which Envoy finds a certificate and its key.

    It reads them again when a file is moved into their folder, as by Kubernetes for a mounted secret.
    """
    secret = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": "server",
        "tls_certificate": {
            "certificate_chain": {"filename": str(certificate.absolute())},
            "private_key": {"filename": str(key.absolute())},
            "watched_directory": {"path": str(certificate.absolute().parent)},
        },
    }
    return {"resources": [secret]}


def _http(hosted: Hosted) -> Config:
    return {
        "@type": MANAGER,
        "stat_prefix": "grpc",
        "codec_type": "HTTP2",
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "max_request_headers_kb": METADATA_BYTES_MAX // KIB,
        "request_headers_timeout": f"{HEADERS_SECONDS_MAX}s",
        "stream_idle_timeout": f"{STREAM_SECONDS_MAX}s",
        "stream_flush_timeout": f"{ANSWER_SECONDS_MAX}s",
        "drain_timeout": f"{DRAIN_SECONDS_MAX:.0f}s",
        "common_http_protocol_options": {
            "idle_timeout": f"{CONNECTION_IDLE_SECONDS}s",
            "max_connection_duration": f"{CONNECTION_AGE_SECONDS}s",
            "max_headers_count": HEADERS_MAX,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": STREAMS_MAX,
            "initial_stream_window_size": STREAM_WINDOW_BYTES,
            "initial_connection_window_size": CONNECTION_WINDOW_BYTES,
            "max_outbound_frames": FRAMES_MAX,
            "max_outbound_control_frames": CONTROL_FRAMES_MAX,
            "override_stream_error_on_invalid_http_message": True,
            "connection_keepalive": {
                "interval": f"{KEEPALIVE_SECONDS}s",
                "timeout": f"{KEEPALIVE_TIMEOUT_SECONDS}s",
            },
        },
        "route_config": {"virtual_hosts": [_routes()]},
        "http_filters": [_only_plain_paths(), _python(hosted)],
    }


def _routes() -> Config:
    """Return the routes. Envoy must have one; it leads nowhere, since Python answers."""
    return {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 404}}]}


def _only_plain_paths() -> Config:
    """Return the filter that refuses requests whose path is not one of PATHS, with PERMISSION_DENIED."""
    plain = {"header": {"name": ":path", "string_match": {"safe_regex": {"regex": PATHS}}}}
    policy = {"permissions": [plain], "principals": [{"any": True}]}
    rules = {"action": "ALLOW", "policies": {"plain paths": policy}}
    return {"name": "paths", "typed_config": {"@type": ACCESS, "rules": rules}}


def _python(hosted: Hosted) -> Config:
    application = {"app": hosted.application, "interface": "asgi", "lifespan": True, "loop": "uvloop"}
    return {
        "name": "python",
        "typed_config": {
            "@type": FILTER,
            "dynamic_module_config": {"module": {"local": {"filename": str(hosted.module)}}},
            "filter_name": "pyvoy",
            "terminal_filter": True,
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json.dumps(application),
            },
        },
    }

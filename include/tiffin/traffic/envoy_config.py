"""Renders what Envoy needs around clusters and routes. Decides, touches nothing: dicts out.

Each Service has its own listener and its own route configuration.

Limits, which docs/architecture.md states for users: answers above 1 MiB are refused with 500 (they
are buffered, so that a truncated answer can be tried again), and requests with a body above 1 MiB
are not tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tiffin.traffic.split import Split

TYPE = "type.googleapis.com/envoy."
BUFFER_BYTES = 1024 * 1024
NODE = {"id": "tiffin-gateway", "cluster": "tiffin"}

_HTTP_FILTER = TYPE + "extensions.filters.http."
_BUFFER_ANSWERS = "function envoy_on_response(handle) local body = handle:body() end"

Resource = dict[str, Any]


def listener(split: Split, routes: Mapping[str, Any]) -> Resource:
    """Render the listener of a Service; `routes` says where its route configuration is."""
    return {
        "@type": TYPE + "config.listener.v3.Listener",
        "name": split.service,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": split.port}},
        # The gateway's Envoys share the port: new connections go to those that live. Strangers
        # could share it as silently, so `service_ports` looks for them.
        "enable_reuse_port": True,
        "filter_chains": [{"filters": [_http_connection_manager(split.service, routes)]}],
    }


def _http_connection_manager(service: str, routes: Mapping[str, Any]) -> Resource:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": TYPE + "extensions.filters.network.http_connection_manager.v3."
            "HttpConnectionManager",
            "stat_prefix": service,
            **routes,
            "http_filters": [_router_filter()],
        },
    }


def _router_filter() -> Resource:
    # Buffering inside the router's own chain lets a reset in mid-answer come before the headers
    # are forwarded; after that, nothing could be tried again.
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": _HTTP_FILTER + "router.v3.Router",
            "upstream_http_filters": [
                {
                    "name": "envoy.filters.http.lua",
                    "typed_config": {
                        "@type": _HTTP_FILTER + "lua.v3.Lua",
                        "default_source_code": {"inline_string": _BUFFER_ANSWERS},
                    },
                },
                {
                    "name": "envoy.filters.http.upstream_codec",
                    "typed_config": {"@type": _HTTP_FILTER + "upstream_codec.v3.UpstreamCodec"},
                },
            ],
        },
    }


def routes_from_file(service: str, file: Path) -> Resource:
    """Say that a listener reads its route configuration from a file of its own."""
    return {"rds": {"route_config_name": service, "config_source": _watched(file)}}


def _watched(file: Path) -> Resource:
    # No `watched_directory`: a watch on the path itself reloads this file alone, so that changing
    # one Service costs the same beside a thousand others.
    return {"resource_api_version": "V3", "path_config_source": {"path": str(file)}}


def discovery(resources: Iterable[Resource]) -> Resource:
    """Wrap resources as an xDS file; its version is a digest, so equal content is equal version."""
    listed = list(resources)
    canonical = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    version = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return {"version_info": version, "resources": listed}


def bootstrap(folder: Path, admin_port: int) -> Resource:
    """Render what Envoy starts with: its admin port, and where listeners and clusters are."""
    return {
        "node": NODE,
        "admin": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}
        },
        "stats_flush_on_admin": True,
        "dynamic_resources": {
            "lds_config": _watched(folder / "lds.json"),
            "cds_config": _watched(folder / "cds.json"),
        },
    }

"""Renders Splits as Envoy's resources. Decides, touches nothing: Splits in, dicts out.

Each Service has its own listener, its own route configuration and, for each Revision, two
clusters: `<service>@<revision>` with the Revision's endpoint, and `<service>@<revision>-ha`, which
goes on to the Revision's second choice when a try fails. Endpoints are inline (STATIC): a
Revision's endpoint never changes, and each file less is one order of writing less to get wrong.

A cluster named after a Revision is rendered the same whatever its role, so that promoting it
neither rebuilds the cluster nor resets its counters.

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

from tiffin.traffic.split import Backend, Split

REVISION_HEADER = "x-tiffin-revision"
"""In a request it pins the Revision; in an answer it says which Revision really answered."""

BUFFER_BYTES = 1024 * 1024
READY_PATH = "/readyz"

_TYPE = "type.googleapis.com/envoy."
_HTTP_FILTER = _TYPE + "extensions.filters.http."
_BUFFER_ANSWERS = "function envoy_on_response(handle) local body = handle:body() end"
_RESCUES = {
    "thresholds": [
        {"retry_budget": {"budget_percent": {"value": 100}, "min_retry_concurrency": 64}}
    ]
}
"""Every request of a failing candidate may be tried again, on the fallback."""
_REPETITIONS = {
    "thresholds": [{"retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 3}}]
}
"""A Revision that is its own fallback is slow for a reason: repeating everything would drown it."""

Resource = dict[str, Any]


def cluster_name(service: str, revision: str) -> str:
    """Name the cluster that holds a Revision's endpoint."""
    return f"{service}@{revision}"


def resilient_name(service: str, revision: str) -> str:
    """Name the cluster that tries a Revision and then its second choice."""
    return f"{service}@{revision}-ha"


def clusters(split: Split) -> list[Resource]:
    """Render every cluster that the routes of a Split may name."""
    plain = [_revision_cluster(split, backend) for backend in split.backends]
    choices = {b.revision: split.second_choice(b.revision) for b in split.backends}
    return plain + [
        _resilient_cluster(split.service, revision, second)
        for revision, second in choices.items()
        if second is not None
    ]


def _revision_cluster(split: Split, backend: Backend) -> Resource:
    # The panic threshold stays at Envoy's default on purpose. The -ha cluster above avoids an
    # unhealthy Revision by priority; a fallback that looks unhealthy is the last that can answer,
    # so it is better tried (panic) than answered for with 503.
    return {
        "@type": _TYPE + "config.cluster.v3.Cluster",
        "name": cluster_name(split.service, backend.revision),
        "connect_timeout": "0.5s",
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "load_assignment": _load_assignment(split, backend),
        "track_cluster_stats": {"per_endpoint_stats": True},
        "circuit_breakers": _REPETITIONS,
        "health_checks": [
            {
                "timeout": "0.5s",
                "interval": "1s",
                "interval_jitter": "0.1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 2,
                "http_health_check": {"path": READY_PATH},
            }
        ],
        "outlier_detection": {
            "consecutive_5xx": 5,
            "consecutive_gateway_failure": 3,
            "enforcing_consecutive_gateway_failure": 100,
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 3,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_percent": 100,
            "successful_active_health_check_uneject_host": False,
        },
    }


def _load_assignment(split: Split, backend: Backend) -> Resource:
    address = {"address": backend.endpoint.host, "port_value": backend.endpoint.port}
    return {
        "cluster_name": cluster_name(split.service, backend.revision),
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": {"socket_address": address}},
                        "metadata": {"filter_metadata": {"tiffin": {"revision": backend.revision}}},
                    }
                ]
            }
        ],
    }


def _resilient_cluster(service: str, revision: str, second: str) -> Resource:
    order = [cluster_name(service, revision), cluster_name(service, second)]
    return {
        "@type": _TYPE + "config.cluster.v3.Cluster",
        "name": resilient_name(service, revision),
        "connect_timeout": "0.5s",
        "lb_policy": "CLUSTER_PROVIDED",
        # Retries are budgeted here; Envoy's default of 3 at once would let failures through.
        "circuit_breakers": _RESCUES,
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": _TYPE + "extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": order,
            },
        },
    }


def route_config(split: Split) -> Resource:
    """Render the routes of a Service: pinned Revisions first, then the weights."""
    pinned = [_pinned_route(split, backend) for backend in split.backends]
    return {
        "@type": _TYPE + "config.route.v3.RouteConfiguration",
        "name": split.service,
        "validate_clusters": True,
        "virtual_hosts": [
            {
                "name": split.service,
                "domains": ["*"],
                "response_headers_to_add": [_header(REVISION_HEADER, _ANSWERING_REVISION)],
                "routes": [*pinned, _unknown_revision_route(split), _weighted_route(split)],
            }
        ],
    }


_ANSWERING_REVISION = "%UPSTREAM_METADATA(tiffin:revision)%"


def _header(key: str, value: str) -> Resource:
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _target_cluster(split: Split, revision: str) -> str:
    if split.second_choice(revision) is None:
        return cluster_name(split.service, revision)
    return resilient_name(split.service, revision)


def _pinned_route(split: Split, backend: Backend) -> Resource:
    header = {"name": REVISION_HEADER, "string_match": {"exact": backend.revision}}
    return {
        "match": {"prefix": "/", "headers": [header]},
        "route": {"cluster": _target_cluster(split, backend.revision), **_patience(split)},
    }


def _unknown_revision_route(split: Split) -> Resource:
    known = ", ".join(sorted(backend.revision for backend in split.backends))
    answer = {
        "error": f"the revision in the {REVISION_HEADER} header does not serve {split.service}; "
        f"send one of these, or no such header: {known}",
        "code": "unknown-revision",
    }
    return {
        "match": {
            "prefix": "/",
            "headers": [{"name": REVISION_HEADER, "present_match": True}],
        },
        "direct_response": {"status": 404, "body": {"inline_string": json.dumps(answer)}},
        "response_headers_to_add": [_header("content-type", "application/json")],
    }


def _weighted_route(split: Split) -> Resource:
    # The fallback comes first, so that raising a candidate's weight keeps the sticky callers whom
    # the candidate has already.
    ordered = sorted(split.backends, key=lambda backend: backend.revision != split.fallback)
    weighted: Resource = {
        "clusters": [
            {"name": _target_cluster(split, backend.revision), "weight": backend.weight}
            for backend in ordered
            if backend.weight
        ]
    }
    route: Resource = {"weighted_clusters": weighted, **_patience(split)}
    if split.sticky_header:
        weighted["use_hash_policy"] = True
        route["hash_policy"] = [{"header": {"header_name": split.sticky_header}}]
    return {"match": {"prefix": "/"}, "route": route}


def _patience(split: Split) -> Resource:
    return {
        "timeout": _seconds(split.timeouts.request_s),
        "retry_policy": {
            "num_retries": 2,
            "per_try_timeout": _seconds(split.timeouts.per_try_s),
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.02s"},
            "retry_on": "connect-failure,refused-stream,reset,unavailable,cancelled,"
            "retriable-status-codes",
            "retriable_status_codes": [500, 502, 503, 504],
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": _TYPE + "extensions.retry.priority.previous_priorities.v3."
                    "PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        },
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"


def listener(split: Split, routes: Mapping[str, Any]) -> Resource:
    """Render the listener of a Service; `routes` says where its route configuration is."""
    return {
        "@type": _TYPE + "config.listener.v3.Listener",
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
            "@type": _TYPE + "extensions.filters.network.http_connection_manager.v3."
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
        "node": _NODE,
        "admin": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}
        },
        "stats_flush_on_admin": True,
        "dynamic_resources": {
            "lds_config": _watched(folder / "lds.json"),
            "cds_config": _watched(folder / "cds.json"),
        },
    }


_NODE = {"id": "tiffin-gateway", "cluster": "tiffin"}


def static_bootstrap(split: Split) -> Resource:
    """Render a Split without xDS, for `envoy --mode validate`, which does not read xDS files."""
    return {
        "node": _NODE,
        "static_resources": {
            "listeners": [_bare(listener(split, {"route_config": _bare(route_config(split))}))],
            "clusters": [_bare(cluster) for cluster in clusters(split)],
        },
    }


def _bare(resource: Resource) -> Resource:
    return {key: value for key, value in resource.items() if key != "@type"}

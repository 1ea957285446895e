"""Renders the clusters of a Split for Envoy. Decides, touches nothing: a Split in, dicts out.

For each Revision there are three: `<service>@<revision>` with its endpoint;
`<service>@<revision>-ha`, which goes on to the Revision's second choice when a try fails; and
`<service>_explain@<revision>`, the same endpoint again for explanations, with counters of its own.
Endpoints are inline (STATIC): a Revision's endpoint never changes, and each file less is one order
of writing less to get wrong.

A cluster named after a Revision is rendered the same whatever its role, so that promoting it
neither rebuilds the cluster nor resets its counters.
"""

from __future__ import annotations

from tiffin.traffic.envoy_config import BUFFER_BYTES, TYPE, Resource
from tiffin.traffic.split import Backend, Split

READY_PATH = "/readyz"

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

_EXPLAIN = "_explain"
"""No Service's name has an underscore, so whoever counts `<service>@` counts no explanations."""


def cluster_name(service: str, revision: str) -> str:
    """Name the cluster that holds a Revision's endpoint."""
    return f"{service}@{revision}"


def resilient_name(service: str, revision: str) -> str:
    """Name the cluster that tries a Revision and then its second choice."""
    return f"{service}@{revision}-ha"


def explaining_name(service: str, revision: str) -> str:
    """Name the cluster through which a Revision is asked for explanations."""
    return f"{service}{_EXPLAIN}@{revision}"


def service_of(cluster: str) -> str:
    """Return the Service of a cluster of any of these names."""
    return cluster.partition("@")[0].removesuffix(_EXPLAIN)


def clusters(split: Split) -> list[Resource]:
    """Render every cluster that the routes of a Split may name."""
    choices = {b.revision: split.second_choice(b.revision) for b in split.backends}
    return [
        *(_revision_cluster(split, backend) for backend in split.backends),
        *(_explaining_cluster(split, backend) for backend in split.backends),
        *(
            _resilient_cluster(split.service, revision, second)
            for revision, second in choices.items()
            if second is not None
        ),
    ]


def _revision_cluster(split: Split, backend: Backend) -> Resource:
    # The panic threshold stays at Envoy's default on purpose. The -ha cluster above avoids an
    # unhealthy Revision by priority; a fallback that looks unhealthy is the last that can answer,
    # so it is better tried (panic) than answered for with 503.
    return {
        **_at_the_endpoint(cluster_name(split.service, backend.revision), backend),
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


def _explaining_cluster(split: Split, backend: Backend) -> Resource:
    # Neither probed nor ejected: nothing is tried elsewhere, so a Revision that is down says so.
    return _at_the_endpoint(explaining_name(split.service, backend.revision), backend)


def _at_the_endpoint(name: str, backend: Backend) -> Resource:
    return {
        "@type": TYPE + "config.cluster.v3.Cluster",
        "name": name,
        "connect_timeout": "0.5s",
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "load_assignment": _load_assignment(name, backend),
    }


def _load_assignment(name: str, backend: Backend) -> Resource:
    address = {"address": backend.endpoint.host, "port_value": backend.endpoint.port}
    return {
        "cluster_name": name,
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
        "@type": TYPE + "config.cluster.v3.Cluster",
        "name": resilient_name(service, revision),
        "connect_timeout": "0.5s",
        "lb_policy": "CLUSTER_PROVIDED",
        # Retries are budgeted here; Envoy's default of 3 at once would let failures through.
        "circuit_breakers": _RESCUES,
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": TYPE + "extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": order,
            },
        },
    }

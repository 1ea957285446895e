"""Renders the routes of a Split for Envoy. Decides, touches nothing: a Split in, dicts out.

Explanations have routes of their own beside the predictions': to the same Revisions in the same
shares, with another patience and to clusters that nobody judges.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tiffin.traffic.envoy_clusters import cluster_name, explaining_name, resilient_name
from tiffin.traffic.envoy_config import TYPE, Resource
from tiffin.traffic.split import Backend, Split

REVISION_HEADER = "x-tiffin-revision"
"""In a request it pins the Revision; in an answer it says which Revision really answered."""

EXPLAIN_PATH = "(/[^/]+)?/explain"
EXPLAIN_S = 35.0
"""How long an explanation may take: the model server's own 30 s, and room for its refusal."""


def route_config(split: Split) -> Resource:
    """Render the routes of a Service: pinned Revisions first, then the weights."""
    ways = (_explanations(split), _predictions(split))
    pinned = [_pinned_route(way, backend) for way in ways for backend in split.backends]
    weighted = [_weighted_route(split, way) for way in ways]
    return {
        "@type": TYPE + "config.route.v3.RouteConfiguration",
        "name": split.service,
        "validate_clusters": True,
        "virtual_hosts": [
            {
                "name": split.service,
                "domains": ["*"],
                "response_headers_to_add": [_header(REVISION_HEADER, _ANSWERING_REVISION)],
                "routes": [*pinned, _unknown_revision_route(split), *weighted],
            }
        ],
    }


_ANSWERING_REVISION = "%UPSTREAM_METADATA(tiffin:revision)%"


def _header(key: str, value: str) -> Resource:
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


@dataclass(frozen=True, slots=True)
class _Way:
    """Which requests go by it, to which Revision's cluster, and with how much patience."""

    path: Resource
    cluster_of: Callable[[str], str]
    patience: Resource


def _predictions(split: Split) -> _Way:
    return _Way({"prefix": "/"}, partial(_resilient_where_possible, split), _retries_within(split))


def _explanations(split: Split) -> _Way:
    # Nothing is tried again: an explanation takes seconds of a processor, wherever it is made.
    return _Way(
        path={"safe_regex": {"regex": EXPLAIN_PATH}},
        cluster_of=partial(explaining_name, split.service),
        patience={"timeout": _seconds(max(EXPLAIN_S, split.timeouts.request_s))},
    )


def _resilient_where_possible(split: Split, revision: str) -> str:
    if split.second_choice(revision) is None:
        return cluster_name(split.service, revision)
    return resilient_name(split.service, revision)


def _pinned_route(way: _Way, backend: Backend) -> Resource:
    header = {"name": REVISION_HEADER, "string_match": {"exact": backend.revision}}
    return {
        "match": {**way.path, "headers": [header]},
        "route": {"cluster": way.cluster_of(backend.revision), **way.patience},
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


def _weighted_route(split: Split, way: _Way) -> Resource:
    # The fallback comes first, so that raising a candidate's weight keeps the sticky callers whom
    # the candidate has already.
    ordered = sorted(split.backends, key=lambda backend: backend.revision != split.fallback)
    weighted: Resource = {
        "clusters": [
            {"name": way.cluster_of(backend.revision), "weight": backend.weight}
            for backend in ordered
            if backend.weight
        ]
    }
    route: Resource = {"weighted_clusters": weighted, **way.patience}
    if split.sticky_header:
        weighted["use_hash_policy"] = True
        route["hash_policy"] = [{"header": {"header_name": split.sticky_header}}]
    return {"match": way.path, "route": route}


def _retries_within(split: Split) -> Resource:
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
                    "@type": TYPE + "extensions.retry.priority.previous_priorities.v3."
                    "PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        },
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"

"""A Split with a stable Revision and a candidate, for tests that only render it."""

from __future__ import annotations

from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split

STABLE = Backend("v1", Endpoint("127.0.0.1", 21001), WHOLE)
CANDIDATE = Backend("v2", Endpoint("127.0.0.1", 21002), 1_000)
SPLIT = Split("iris", 9001, (STABLE,), "v1").shifted(CANDIDATE)

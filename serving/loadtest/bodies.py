"""What to send to a service: bodies from a file, or one made up from its description."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_INVENTED = {"number": 1.0, "integer": 1, "boolean": True, "string": "x"}


def read_bodies(file: Path) -> list[bytes]:
    """Read one body from a .json file, or one per line from a .jsonl file."""
    if file.suffix == ".jsonl":
        return [line for line in file.read_bytes().splitlines() if line.strip()]
    return [file.read_bytes()]


def invented_bodies(url: str) -> list[bytes]:
    """Return a body with one row that fits the first model of the server at `url`.

    Raises ValueError with what to do where the server does not describe itself.
    """
    try:
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
            row = row_of(json.load(answer))
    except (OSError, ValueError, LookupError) as failure:
        raise ValueError(
            f"{url}/openapi.json does not say what the model wants to be sent ({failure}); "
            "give --body-file"
        ) from None
    return [json.dumps({"input_data": {"features": [row]}}).encode()]


def row_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the columns of /predict; LookupError where it is described otherwise."""
    asked = description["paths"]["/predict"]["post"]["requestBody"]["content"]
    body = asked["application/json"]["schema"]["properties"]["input_data"]
    named = body["properties"]["features"]["items"]["oneOf"][0]["properties"]
    return {name: _INVENTED[schema["type"]] for name, schema in named.items()}

"""Publishes the JSON schema of service files, with which editors complete and check them.

`python -m tiffin.services.schema` writes include/services/service.schema.json anew; a test fails
when that file is stale. A service file names it in its first line:

    # yaml-language-server: $schema=service.schema.json
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from tiffin.home import PROJECT
from tiffin.services.spec import Service, said_duration

SCHEMA_FILE = PROJECT / "include" / "services" / "service.schema.json"


class _ServiceFileSchema(GenerateJsonSchema):
    """Writes defaults as a person would write them into a service file."""

    def encode_default(self, dft: Any) -> Any:
        return said_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def service_schema() -> str:
    """Return the schema as the text of its file."""
    schema = Service.model_json_schema(schema_generator=_ServiceFileSchema)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": "Tiffin service file"}
    return json.dumps({**schema, **head}, indent=2, ensure_ascii=False) + "\n"


def publish(file: Path = SCHEMA_FILE) -> None:
    """Write the schema file; run twice, it writes the same."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(service_schema(), encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    publish()

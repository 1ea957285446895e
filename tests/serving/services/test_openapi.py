from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from serving.services import routes
from serving.services.admin import ADMIN_ROUTES
from serving.services.metadata import METADATA_ROUTES
from serving.services.openapi import openapi
from serving.services.probes import PROBE_ROUTES
from serving.services.schemas import answer_schema
from serving.services.side_app import _PROBES
from tests.serving.runtime.protocols.tiny_models import served
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import keys_file, threaded_site

PREDICTIONS = {
    value for name, value in vars(routes).items() if name.isupper() and isinstance(value, str)
}
BENTOMLS = {"/metrics", "/docs.json", "/schema.json"}


def test_lists_every_route_that_there_is() -> None:
    served = {route.path for route in (*PROBE_ROUTES, *METADATA_ROUTES, *ADMIN_ROUTES)}
    document = openapi("service", [model_of()], with_admin=True)
    assert set(document["paths"]) == served | set(_PROBES) | PREDICTIONS | BENTOMLS


def test_lists_no_admin_api_where_there_is_none() -> None:
    assert not any("admin" in path for path in openapi("s", [], with_admin=False)["paths"])


def test_names_the_columns_and_their_types() -> None:
    document = openapi("service", [model_of()], with_admin=False)
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    rows = body["schema"]["properties"]["input_data"]["properties"]["features"]["items"]
    assert rows["oneOf"][0]["properties"] == {"a": {"type": "number"}, "b": {"type": "number"}}


@pytest.mark.parametrize(
    ("name", "answered"),
    [
        ("people", {"predictions", "probabilities", "classes"}),
        ("sure", {"predictions", "classes"}),
        ("one", {"predictions"}),
        ("points", {"predictions", "intervals"}),
        ("effects", {"predictions", "intervals", "effects", "average_effect"}),
    ],
)
def test_promises_what_the_model_answers_and_no_more(name: str, answered: set[str]) -> None:
    schema = answer_schema(served(name))
    assert set(schema["properties"]) == answered | {"model_name", "model_version"}
    assert set(schema["required"]) == set(schema["properties"])


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern")  # while BentoML is imported
def test_whatever_the_description_allows_is_answered_as_it_says(tmp_path: Path) -> None:
    file = keys_file(tmp_path, app="predict,admin")
    with threaded_site(model_of(), keys_file=file, explain=False) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path not in BENTOMLS and not operation.path.endswith("/explain"):
                ask_anything(operation, url)


def ask_anything(operation: Any, url: str) -> None:
    # Neither CSV nor which tensors belong together nor what is on the disk is said by a schema.
    is_vague = operation.path.startswith(("/v2/", "/admin/"))

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        vague = is_vague or case.media_type == "text/csv"
        case.call_and_validate(
            base_url=url,
            headers={"x-api-key": "app"},
            # It takes the key that is sent here for none, and wonders that it opens the door.
            excluded_checks=[ignored_auth, *([positive_data_acceptance] if vague else [])],
        )

    ask()

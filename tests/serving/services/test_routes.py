from __future__ import annotations

import pytest

from serving.services.routes import find_route


@pytest.mark.parametrize(
    ("path", "protocol", "model", "version"),
    [
        ("/predict", "predict", None, None),
        ("/churn_model/predict", "predict", "churn_model", None),
        ("/invocations", "invocations", None, None),
        ("/v1/models/churn:predict", "kserve-v1", "churn", None),
        ("/v1/models/a:b:predict", "kserve-v1", "a:b", None),
        ("/v2/models/churn/infer", "open-inference", "churn", None),
        ("/v2/models/churn/versions/7/infer", "open-inference", "churn", "7"),
    ],
)
def test_a_path_says_the_protocol_the_model_and_its_version(
    path: str, protocol: str, model: str | None, version: str | None
) -> None:
    route = find_route(path)
    assert route is not None
    assert (route.protocol.name, route.model, route.version) == (protocol, model, version)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "//predict", "/predict/", "/a/b/predict", "/v1/models/churn"),
        *("/v1/models/:predict/", "/v2/models/churn", "/v2/models/a/versions/7", "/health"),
        *("/v2/models//infer", "/v1/models/:predict"),
    ],
)
def test_no_prediction_is_asked_for_elsewhere(path: str) -> None:
    assert find_route(path) is None


def test_what_is_logged_of_a_path_does_not_depend_on_names() -> None:
    routes = [find_route(f"/{name}/predict") for name in "abc"]
    assert len({route.template for route in routes if route}) == 1

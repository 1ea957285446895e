from __future__ import annotations

import json
import shlex
from typing import Any

from tiffin.cli.curl_line import curl_line
from tiffin.services.spec import Service


def service(*smoke: dict[str, Any]) -> Service:
    asked = {"name": "churn", "model": "churn", "kind": "classification", "port": 3004}
    return Service.model_validate(
        {**asked, "smoke": list(smoke), "validation": {"target": "churned"}}
    )


REFUSED = {"name": "nothing", "body": {}, "status": 400}


def test_asks_the_first_case_that_is_answered_at_the_stacks_own_port() -> None:
    body = {"input_data": {"features": [{"plan": "it's €"}]}}
    line = curl_line(service(REFUSED, {"name": "one", "body": body}), 4000)
    words = shlex.split(line)
    assert words[2] == "http://127.0.0.1:7004/predict"
    assert json.loads(words[-1]) == body


def test_without_such_a_case_it_asks_who_answers() -> None:
    assert curl_line(service(REFUSED), 0) == "curl -s http://127.0.0.1:3004/model_info"

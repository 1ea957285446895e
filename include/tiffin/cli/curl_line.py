"""The question to paste: how to ask a Service with curl. Pure."""

from __future__ import annotations

import json
import shlex
from http import HTTPStatus

from tiffin.services.spec import Service


def curl_line(service: Service, port_offset: int) -> str:
    """Return a command that asks the service through the gateway.

    It asks the first smoke case that is answered, or else which model it is.
    """
    url = f"http://127.0.0.1:{service.port + port_offset}"
    for case in service.smoke:
        if case.status == HTTPStatus.OK:
            body = shlex.quote(json.dumps(case.body, ensure_ascii=False))
            address = shlex.quote(f"{url}{case.path}")
            return f"curl -s {address} -H 'Content-Type: application/json' -d {body}"
    return f"curl -s {url}/model_info"

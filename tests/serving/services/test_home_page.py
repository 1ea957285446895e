from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature
from serving.services.application import application
from serving.services.home_page import home_page
from serving.services.model_server import ModelServer
from tests.serving.runtime.small_models import SIGNATURE, OneEngine, model_of
from tests.serving.services.small_site import site

URL = "http://127.0.0.1:9001"
LOADS = {"src", "href", "action", "data", "srcset", "poster", "cite", "formaction"}


class Seen(HTMLParser):
    """What a browser would load, and what a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in LOADS]

    def handle_data(self, data: str) -> None:
        self.text += data


def curl_in(page: str) -> list[str]:
    text = Seen(page).text
    return shlex.split(text[text.index("curl ") :])


def test_a_browser_asks_nobody_else_for_anything() -> None:
    page = home_page("churn", [model_of()], URL)
    seen = Seen(page)
    links = ["/openapi.json", "/model_info", "/metrics", "/readyz"]
    assert seen.addresses == ["data:,", *links]
    assert re.findall(r"[a-z]+://[^/\s]*", page) == [URL]
    assert not {"script", "iframe", "img", "object", "embed", "base"} & set(seen.tags)
    assert "@import" not in page
    assert "url(" not in page


def test_the_request_to_paste_is_answered() -> None:
    async def scenario() -> None:
        async with site() as here:
            answer = await here.client.get("/", headers={"accept": "text/html"})
            assert (await here.client.get("/")).json() == {"status": "alive"}
            assert answer.headers["content-type"].startswith("text/html")
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            command, url, *_, body = curl_in(answer.text)
            assert (command, url) == ("curl", f"http://127.0.0.1:{here.port}/predict")
            assert json.loads(body) == {"input_data": {"features": [{"a": 1.0, "b": 2.0}]}}
            headers = {"content-type": "application/json"}
            asked = await here.client.post(url, content=body, headers=headers)
            assert asked.json()["predictions"] == [1.0]

    uvloop.run(scenario())


@pytest.mark.parametrize("is_named", [True, False])
def test_the_row_is_as_the_model_reads_it(is_named: bool) -> None:
    model = model_of(example=None)
    model.signature = InputSignature(SIGNATURE.columns, named=is_named)
    [row] = json.loads(curl_in(home_page("s", [model], URL))[-1])["input_data"]["features"]
    assert list(row) == ["a", "b"] if is_named else len(row) == 2


def test_names_and_values_can_be_no_part_of_the_page_or_of_the_command() -> None:
    nasty = "'; rm -rf / #</pre><script>alert(1)</script>"
    model = model_of(
        example=Rows(cells=[[nasty, 1.0]]), name=nasty, engine=OneEngine(lambda _: 0.0)
    )
    page = home_page(nasty, [model], f"http://{nasty}")
    assert "script" not in Seen(page).tags
    _, url, *_, body = curl_in(page)
    assert url == f"http://{nasty}/predict"
    assert json.loads(body)["input_data"]["features"][0]["a"] == nasty


def test_a_server_without_a_model_says_so() -> None:
    assert "No model is loaded" in Seen(home_page("s", [], URL)).text


@pytest.mark.parametrize("is_ours", [True, False])
def test_services_of_peoples_own_keep_their_page(is_ours: bool) -> None:
    async def bentomls(request: Any) -> PlainTextResponse:
        return PlainTextResponse("theirs")

    async def scenario() -> None:
        async with site() as here:
            ours = here.server
            server = ours if is_ours else ModelServer("own", ours.settings, None)
            app = application(server, Starlette(routes=[Route("/", bentomls)]))
            sent: list[dict[str, Any]] = []

            async def send(message: dict[str, Any]) -> None:
                sent.append(message)

            async def receive() -> dict[str, Any]:
                return {"type": "http.request"}

            scope = {
                "type": "http",
                "method": "GET",
                "path": "/",
                "headers": [(b"accept", b"text/html")],
                "root_path": "",
            }
            await app({**scope, "query_string": b"", "server": ("here", 1)}, receive, send)
            body = b"".join(message.get("body", b"") for message in sent)
            assert (body == b"theirs") is not is_ours

    uvloop.run(scenario())

"""Each address that Gradio offers is open on purpose, or answers with 404."""

import json
from collections.abc import Iterable, Iterator

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from hypothesis import given
from hypothesis import strategies as some

from intent.ui.gate import OPEN, names_url

# What Gradio serves by default. Decide about each address that a later version adds.
CLOSED = {
    "/login",
    "/openapi.json",
    "/pwa_icon",
    "/pwa_icon/{size}",
    "/monitoring",
    "/monitoring/summary",
    "/monitoring/{key}",
} | {
    f"/gradio_api/{path}"
    for path in (
        "component_server",
        "custom_component/{id}/{environment}/{type}/{file_name}",
        "deep_link",
        "dev/reload",
        "file/{path:path}",
        "openapi.json",
        "process_recording",
        "proxy={url_path:path}",
        "queue/status",
        "runs",
        "stream/{session_hash}/{run}/{component_id}/playlist-file",
        "stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
        "stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
        "token",
        "undo-vibe-edit",
        "user",
        "vibe-code",
        "vibe-edit",
        "vibe-starter-queries",
    )
}
ON_A_SPACE = {"/login/huggingface", "/login/callback"}  # where visitors sign in with the Hub


@pytest.fixture(scope="module")
def served(app_address: str) -> str:
    return app_address.rstrip("/")


def offered(routes: Iterable[object]) -> Iterator[str]:
    """Yield the path of each route of an application, those of its routers included."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from offered(inner.routes)
        else:
            yield route.path.rstrip("/") or "/"


def test_each_address_that_gradio_offers_is_open_or_closed_on_purpose(app_page: gr.Blocks) -> None:
    assert set(offered(app_page.app.routes)) == CLOSED | set(OPEN) - ON_A_SPACE


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/monitoring"),
        ("GET", "/monitoring/summary"),
        ("GET", "/gradio_api/monitoring/summary"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/gradio_api/token"),
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/queue/status"),
        ("GET", "/gradio_api/proxy=https://example.org/x"),
        ("GET", "/gradio_api/dev/reload"),
        ("GET", "/gradio_api/file=https://example.org/x.wav"),
        ("GET", "/gradio_api/file=http:/example.org/x.wav"),
        ("GET", "/gradio_api/runs"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/gradio_api/stream/x/0/1/playlist.m3u8"),
        ("POST", "/gradio_api/run-history/connect"),
        ("PUT", "/gradio_api/upload"),
        ("DELETE", "/"),
        ("GET", "/gradio_api/user"),
    ],
)
def test_a_closed_address_answers_404(served: str, method: str, path: str) -> None:
    answer = httpx.request(method, served + path)
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "Not found: this address is not served.",
    )


def test_what_the_page_and_its_clients_need_is_there(served: str) -> None:
    for path in ("/", "/config", "/theme.css", "/gradio_api/info", "/gradio_api/startup-events"):
        assert httpx.get(served + path).status_code == 200, path
    assert (
        "/classify"
        in Client(served, verbose=False).view_api(return_format="dict")["named_endpoints"]
    )


VALUES = some.recursive(
    some.none() | some.integers() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3)
    ),
)


@given(VALUES)
def test_a_url_is_found_anywhere_in_a_call(value: object) -> None:
    assert not names_url(json.dumps(value).encode())
    hidden = {"data": [value, [{"path": "HTTPS://x/y", "meta": {}}]]}
    assert names_url(json.dumps(hidden).encode())

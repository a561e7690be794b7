"""Serve only the addresses that the page and its API need.

Gradio serves more by default: monitoring, an OpenAPI description, a proxy, fetching by URL, saving
a page's state. Other addresses return a 404; a test compares the list with all routes of
Gradio.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

MAX_BODY = 1_000_000  # bytes of a request other than an upload; the page's form takes 4,000
UPLOAD = "/gradio_api/upload"

OPEN = {  # path pattern → method; {name:path} matches several path segments, {name} one
    # the page
    "/": "GET",
    "/config": "GET",
    "/theme.css": "GET",
    "/gradio_api/theme.css": "GET",
    "/assets/{path:path}": "GET",
    "/static/{path:path}": "GET",
    "/svelte/{path:path}": "GET",
    "/favicon.ico": "GET",
    "/manifest.json": "GET",
    "/robots.txt": "GET",
    "/gradio_api/startup-events": "GET",
    "/gradio_api/app_id": "GET",
    "/gradio_api/heartbeat/{session_hash}": "GET",
    "/gradio_api/login_check": "GET",
    # recordings: upload and playback
    "/gradio_api/upload": "POST",
    "/gradio_api/upload_progress": "GET",
    "/gradio_api/file={path_or_url:path}": "GET",
    # calls
    "/gradio_api/info": "GET",
    "/gradio_api/queue/join": "POST",
    "/gradio_api/queue/data": "GET",
    "/gradio_api/run/{api_name}": "POST",
    "/gradio_api/api/{api_name}": "POST",
    "/gradio_api/call/{api_name}": "POST",
    "/gradio_api/call/{api_name}/{event_id}": "GET",
    "/gradio_api/call/v2/{api_name}": "POST",
    "/gradio_api/call/v2/{api_name}/{event_id}": "GET",
    "/gradio_api/cancel": "POST",
    "/gradio_api/reset": "POST",
    # sound while it is recorded
    "/gradio_api/stream/{event_id}": "POST",
    "/gradio_api/stream/{event_id}/close": "POST",
    # signing in with the Hub
    "/login/huggingface": "GET",
    "/login/callback": "GET",
    "/logout": "GET",
}

URL = re.compile(r"\s*https?:", re.IGNORECASE)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """ASGI middleware that forwards requests to open addresses, after checking the whole body."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 404, 413 or 422 and a sentence."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http" or not is_open(scope["method"], scope["path"]):
            return await _refuse(scope, send, 404, "Not found: this address is not served.")
        if scope["method"] != "POST" or scope["path"].rstrip("/") == UPLOAD:
            return await self.app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await _refuse(scope, send, 413, f"The request exceeds {MAX_BODY:,} bytes.")
        if names_url(body):
            sentence = "A recording must be sent as a file, but is a URL: upload the file itself."
            return await _refuse(scope, send, 422, sentence)
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return messages.pop() if messages else await receive()

        return await self.app(scope, receive_again, send)


def is_open(method: str, path: str) -> bool:
    """Return whether a request with this method and path is served."""
    wanted = "GET" if method == "HEAD" else method
    return any(method == wanted and pattern.fullmatch(path) for pattern, method in _PATTERNS)


def names_url(body: bytes) -> bool:
    """Return whether a call contains the URL of a file, which Gradio would fetch.

    Gradio itself refuses a body that is not JSON or is nested too deeply to parse.
    """
    try:
        values = [json.loads(body or b"null")]
    except (ValueError, RecursionError):
        return False
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if URL.match(str(value.get("path") or "")):
                return True
            values.extend(value.values())
        elif isinstance(value, list):
            values.extend(value)
    return False


def _pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of the paths that a route matches; no path contains another URL."""
    several, one = r"(?!https?:)[^\x00]*", r"[^/\x00]+"
    parts = re.split(r"(\{[\w:]+\})", path)
    patterns = (
        several if part.endswith(":path}") else one if part[:1] == "{" else re.escape(part)
        for part in parts
    )
    return re.compile("".join(patterns) + "/?", re.IGNORECASE)


_PATTERNS = [(_pattern(path), method) for path, method in OPEN.items()]


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body; return None if it is too large."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1000})
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

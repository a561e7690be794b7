"""The addresses that are served: those that the page and its API need, and no other.

Gradio offers more by default: monitoring, an OpenAPI description, a proxy, fetching by address, the
saving of a page's state. Whatever is not in the list is answered as if it was not there; a test
holds the list against all that Gradio serves.
"""

import json
import re
from collections.abc import Awaitable, Callable

MAX_BODY = 1_000_000  # bytes of a request other than an upload; the page's form takes 4,000
UPLOAD = "/gradio_api/upload"

OPEN = {  # as Gradio writes them: {name:path} stands for several names, {name} for one
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
    # recordings: sent, and played
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
    # signing in with the Hub
    "/login/huggingface": "GET",
    "/login/callback": "GET",
    "/logout": "GET",
}

ADDRESS = re.compile(r"\s*https?:", re.IGNORECASE)
Scope = dict
Receive = Callable[[], Awaitable[dict]]
Send = Callable[[dict], Awaitable[None]]


class Gate:
    """ASGI middleware that lets through what is open, with a body that was looked at whole."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here: 404, 413 or 422, with a sentence."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http" or not is_open(scope["method"], scope["path"]):
            return await _refuse(scope, send, 404, "There is nothing at this address.")
        if scope["method"] != "POST" or scope["path"].rstrip("/") == UPLOAD:
            return await self.app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await _refuse(scope, send, 413, "This request is too large.")
        if names_address(body):
            sentence = "A recording was expected as a file, found an address: send the file itself."
            return await _refuse(scope, send, 422, sentence)
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> dict:
            return given.pop() if given else await receive()

        return await self.app(scope, receive_again, send)


def is_open(method: str, path: str) -> bool:
    """Return whether a request of this method to this path is served."""
    wanted = "GET" if method == "HEAD" else method
    return any(method == wanted and pattern.fullmatch(path) for pattern, method in _PATTERNS)


def names_address(body: bytes) -> bool:
    """Return whether a call hands over a file by an address, which Gradio would fetch.

    A body that is not JSON, or is nested too deeply to be read, is left to Gradio to refuse.
    """
    try:
        found = [json.loads(body or b"null")]
    except (ValueError, RecursionError):
        return False
    while found:
        value = found.pop()
        if isinstance(value, dict):
            if ADDRESS.match(str(value.get("path") or "")):
                return True
            found.extend(value.values())
        elif isinstance(value, list):
            found.extend(value)
    return False


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that a route stands for; none of them names an address elsewhere."""
    several, one = r"(?!https?:)[^\x00]*", r"[^/\x00]+"
    parts = re.split(r"(\{[\w:]+\})", path)
    found = (
        several if part.endswith(":path}") else one if part[:1] == "{" else re.escape(part)
        for part in parts
    )
    return re.compile("".join(found) + "/?", re.IGNORECASE)


_PATTERNS = [(_pattern(path), method) for path, method in OPEN.items()]


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too large."""
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

"""The Hub's HTTP interface, as much of it as fetching, loading and pushing need.

Written after the client, `huggingface_hub`, which the tests run for real; what arrives through LFS
is refused unless it has the hash and the size that were announced.
"""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.hub import call, reads, writes
from tests.hub.call import Refusal
from tests.hub.store import DATASETS, MODELS, Fault, Hub

REPO = r"([^/]+/[^/]+)"


@contextmanager
def serve(hub: Hub) -> Iterator[str]:
    """Serve a Hub on a port of the loopback and yield the address for HF_ENDPOINT."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        self.path_only = unquote(urlsplit(self.path).path)
        request = f"{self.command} {self.path_only}"
        self.hub.requests.append(request)
        fault = self.hub.fault_of(request)
        try:
            if fault and not isinstance(fault.kind, int):
                return self._break_off(fault)
            self.body = self._read(int(self.headers.get("Content-Length") or 0))
            if fault:
                return self.send({"error": "on demand"}, int(fault.kind), fault.headers)
            self._route()
        except Refusal as refusal:
            headers = {"X-Error-Code": refusal.code} if refusal.code else {}
            self.send({"error": str(refusal)}, refusal.status, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _break_off(self, fault: Fault) -> None:
        """Say nothing, or hang up in the middle; the connection is of no use afterwards."""
        self.close_connection = True
        if fault.kind == "stall":
            self.hub.release.wait(60)
            return
        self._read(int(self.headers.get("Content-Length") or 0) // 2)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _read(self, size: int) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while length := int(self.rfile.readline().strip() or b"0", 16):
                chunks.append(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(size)

    def _route(self) -> None:
        for method, pattern, action in _ROUTES:
            match = re.fullmatch(pattern, self.path_only)
            if match and method == (self.command if self.command != "HEAD" else "GET"):
                return action(self, *match.groups())
        raise Refusal(404, "EntryNotFound")

    def send(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json"}
        self.send_bytes(json.dumps(value).encode(), status, {**kind, **(headers or {})})

    def send_bytes(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read errors, not logs."""


_KIND = f"({MODELS}|{DATASETS})"
_ROUTES = (
    ("GET", "/api/whoami-v2", call.whoami),
    ("POST", "/api/repos/create", writes.create),
    ("POST", "/api/validate-yaml", writes.validate_card),
    ("GET", f"/api/{_KIND}/{REPO}", reads.info),
    ("GET", f"/api/{_KIND}/{REPO}/discussions", reads.discussions),
    ("GET", f"/api/{_KIND}/{REPO}/revision/(.+)", reads.info),
    ("GET", f"/api/{_KIND}/{REPO}/tree/(refs/pr/1|[^/]+)(?:/(.+))?", reads.tree),
    ("POST", f"/api/{_KIND}/{REPO}/paths-info/(.+)", reads.paths),
    ("POST", f"/api/models/{REPO}/preupload/(.+)", writes.preupload),
    ("POST", f"/api/models/{REPO}/commit/(.+)", writes.commit),
    ("POST", f"/{REPO}\\.git/info/lfs/objects/batch", writes.lfs_batch),
    ("POST", f"/{REPO}\\.git/info/lfs/verify", writes.verify),
    ("PUT", "/storage/([0-9a-f]{64})/([0-9]+)", writes.store),
    ("GET", f"/(?:({DATASETS})/)?{REPO}/resolve/(refs/pr/1|[^/]+)/(.+)", reads.resolve),
)

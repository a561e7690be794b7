"""A small Hugging Face Hub on a loopback port: as much of its protocol as fetching needs."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

GATED = "gated"  # a repository of this name asks for its terms to be accepted
MAIN = "a" * 40  # the commit of every repository's main branch
PROPOSED = "b" * 40  # the commit of a pull request that adds safetensors


@contextmanager
def serve_hub(repositories: dict[str, Path], proposals: dict[str, Path]) -> Iterator[str]:
    """Serve folders as repositories ("owner/name") and yield the address for HF_ENDPOINT.

    proposals: by repository, the folder that an open pull request would make of it.
    """
    handler = type("Handler", (_Handler,), {"folders": (repositories, proposals)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folders: tuple[dict[str, Path], dict[str, Path]] = ({}, {})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/discussions", path):
            return self._send(_discussions(match[1] in self.folders[1]))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path):
            return self._describe(match[1], match[2], match[3] or "main")
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        folder = self._folder(match[1], match[2]) if match else None
        if folder is None or not (folder / match[3]).is_file():
            return self._send({}, 404, {"X-Error-Code": "EntryNotFound"})
        data = (folder / match[3]).read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": match[2]}
        return self._send_bytes(data, 200, headers)

    do_HEAD = do_GET

    def _folder(self, repository: str, revision: str) -> Path | None:
        return self.folders[_commit(revision) == PROPOSED].get(repository)

    def _describe(self, repository: str, kind: str | None, revision: str) -> None:
        if repository.endswith(GATED):
            return self._send({}, 403, {"X-Error-Code": "GatedRepo"})
        folder = self._folder(repository, revision)
        if folder is None:
            return self._send({}, 404, {"X-Error-Code": "RepoNotFound"})
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        if kind == "tree":
            return self._send(
                [{"type": "file", "path": name, "size": size, "oid": name}
                 for name, size in sizes.items()]
            )  # fmt: skip
        siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
        return self._send({"id": repository, "sha": _commit(revision), "siblings": siblings})

    def _send(
        self, value: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self._send_bytes(json.dumps(value).encode(), status, headers or {})

    def _send_bytes(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read errors, not logs."""


def _commit(revision: str) -> str:
    return PROPOSED if revision in ("refs/pr/1", PROPOSED) else MAIN


def _discussions(proposed: bool) -> dict[str, object]:
    discussion = {
        "num": 1, "title": "Adding `safetensors` variant of this model", "status": "open",
        "author": {"name": "SFconvertbot"}, "isPullRequest": True,
        "createdAt": "2024-01-01T00:00:00.000Z", "repo": {"name": "", "type": "model"},
    }  # fmt: skip
    return {"discussions": [discussion] * proposed, "count": int(proposed), "start": 0}

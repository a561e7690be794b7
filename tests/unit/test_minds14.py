"""MInDS-14 from a Hub on the loopback: answering, silent, broken and gone.

Each load runs in a process of its own, because the Hub's address is read once, at import.
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from intent.data import LOCALES, load_data
from intent.errors import DataError
from tests.unit.test_data import write_parquet

REPOSITORY = Path(__file__).resolve().parents[2]
COMMIT = "c0ffee" * 6 + "c0de"
CARD = """---
configs:
- config_name: en-US
  data_files:
  - split: train
    path: en-US/train-*
---
"""
LOAD = """
import json, sys
from intent.data import load_data, summary
from intent.errors import DataError
try:
    data = load_data("minds14", sys.argv[1:])
    print(json.dumps([list(data), data["all"].column_names, summary(data).clips_per_label]))
except DataError as error:
    print(error)
"""


def load(address: str, home: Path, *locales: str, **environment: str) -> str:
    """What a fresh process prints that loads the locales from a Hub at the address."""
    clean = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *locales], cwd=REPOSITORY, capture_output=True, text=True,
        env={**clean, "HF_ENDPOINT": address, "HF_HOME": str(home), **environment},
        timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def refusal(reason: str) -> str:
    return (
        f"MInDS-14 could not be fetched from the Hugging Face Hub ({reason}); "
        "choose the bundled sample, or a folder of recordings."
    )


@contextmanager
def hub(files: dict[str, bytes], status: int = 200) -> Iterator[str]:
    """Serve a data set as the Hub does, or answer everything with an error; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if status != 200:
                return self.reply(status, b"")
            if self.path.startswith("/datasets/PolyAI/minds14/resolve/"):
                content = files.get(self.path.split("/", 6)[6])
                if content is None:
                    return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
                etag = hashlib.sha256(content).hexdigest()
                return self.reply(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
            if "/tree/" in self.path:
                tree = [
                    {"type": "file", "path": path, "size": len(content), "oid": "0" * 40}
                    for path, content in files.items()
                ]
                tree.append({"type": "directory", "path": "en-US", "oid": "0" * 40})
                return self.reply(200, json.dumps(tree).encode())
            if self.path.startswith("/api/datasets/PolyAI/minds14"):
                info = {"id": "PolyAI/minds14", "sha": COMMIT, "siblings": []}
                return self.reply(200, json.dumps(info).encode())
            return self.reply(404, b"")

        do_HEAD = do_GET

        def reply(self, code: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A repository of one locale, in the layout and with the columns of the real one."""
    path = write_parquet(tmp_path / "made" / "en-US", labels=("low", "high"), clips_per_label=3)
    return {"README.md": CARD.encode(), f"en-US/{path.name}": path.read_bytes()}


def test_a_locale_is_fetched_from_the_hub_and_afterwards_needs_none(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    with hub(files) as address:
        fetched = load(address, tmp_path / "home", "en-US")
    columns = ["audio", "label", "transcription", "locale", "name"]
    assert json.loads(fetched) == [["all"], columns, {"low": 3, "high": 3}]

    assert load(address, tmp_path / "home", "en-US") == fetched  # nobody listens there now
    assert load(address, tmp_path / "home", "en-US", HF_HUB_OFFLINE="1") == fetched


def test_a_hub_that_nobody_answers_for_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert load(address, tmp_path, "en-US") == refusal("Connection refused")


def test_a_hub_that_accepts_and_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message = load(address, tmp_path, "en-US", HF_HUB_ETAG_TIMEOUT="2")
    assert message == refusal("it does not answer in time")


def test_a_broken_hub_is_named_with_its_status(tmp_path: Path) -> None:
    with hub({}, status=503) as address:
        assert load(address, tmp_path, "en-US") == refusal("it answers 503")


def test_a_refused_token_is_named(tmp_path: Path) -> None:
    with hub({}, status=401) as address:
        message = load(address, tmp_path, "en-US", HF_TOKEN="hf_expired")
    assert message == refusal("it answers 401: check HF_TOKEN")


def test_offline_mode_is_named(tmp_path: Path) -> None:
    message = load("http://127.0.0.1:9", tmp_path, "en-US", HF_HUB_OFFLINE="1")
    assert message == refusal("offline mode is on: HF_HUB_OFFLINE")


def test_an_unknown_locale_is_refused_with_the_fourteen() -> None:
    with pytest.raises(DataError) as refused:
        load_data("minds14", ["en-US", "en-NZ"])
    assert len(LOCALES) == 14
    assert str(refused.value) == (
        'There is no locale "en-NZ" in MInDS-14, which has cs-CZ, de-DE, en-AU, en-GB, en-US, '
        "es-ES, fr-FR, it-IT, ko-KR, nl-NL, pl-PL, pt-PT, ru-RU, zh-CN: choose among these."
    )

"""The real app in surroundings that are not as they should be: it is served all the same."""

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from tests.browser.harness import EXAMPLES, serve

SURROUNDINGS = {
    "proxies": {
        "http_proxy": "http://127.0.0.1:1",
        "https_proxy": "ftp://proxy",
        "ALL_PROXY": "socks5://p:1",
        "NO_PROXY": "corp,[::1]",
        "no_proxy": "",
        "SSL_CERT_FILE": "/nonexistent",
    },
    "folders": {
        "HF_HOME": "FILE/a",
        "INTENT_CACHE": "FILE/b",
        "GRADIO_TEMP_DIR": "FILE/c",
        "INTENT_RUNS": "FILE",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
    },
}


@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_app_is_served_and_says_once_what_is_not_as_set(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = {
        name: value.replace("FILE", str(tmp_path / "file"))
        for name, value in SURROUNDINGS[kind].items()
    }
    with serve(tmp_path / "app", settings=settings) as url:
        client = Client(url, verbose=False)
        clip = handle_file(str(EXAMPLES / "pay-a-bill.wav"))
        assert client.predict(clip, api_name="/classify")["top"][0]["label"] == "pay_bill"
    log = (tmp_path / "app" / "app.log").read_text(encoding="ascii")
    assert "Traceback" not in log
    said = [line for line in log.splitlines() if not line.startswith("*") and line]
    begins = {
        "proxies": ["https_proxy should", "ALL_PROXY should", "SSL_CERT_FILE should"],
        "folders": ["Not writable: HF_HOME=", "Queued runs cannot start. The runs folder"],
    }[kind]
    assert len(said) == len(begins), log
    assert all(re.match(re.escape(begin), line) for begin, line in zip(begins, said, strict=True))

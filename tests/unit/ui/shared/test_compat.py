"""The private parts of Gradio that we use: each test fails on an upgrade that changes one."""

import functools
import threading
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client

from intent.ui.shared.compat import (
    chunk_is_waiting,
    current_request,
    stream_is_open,
    upload_folder,
)
from tests.waiting import wait_for


def test_current_request_is_that_of_the_caller_even_in_a_partial() -> None:
    assert current_request() is None

    def header(name: str) -> str:
        request = current_request()
        return request.headers.get(name, "") if request else ""

    with gr.Blocks() as app:
        gr.api(functools.partial(header, "x-visitor"), api_name="header")
    app.launch(prevent_thread_lock=True, quiet=True)
    try:
        client = Client(app.local_url, headers={"x-visitor": "me"}, verbose=False)
        assert client.predict(api_name="/header") == "me"
    finally:
        app.close()


def test_uploads_are_where_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert upload_folder() == tmp_path


def test_a_streams_chunk_waits_until_it_is_taken_and_a_closed_stream_takes_none() -> None:
    go_on = threading.Event()
    with gr.Blocks() as page:
        sound = gr.Audio(sources=["microphone"], streaming=True)
        sound.stream(lambda chunk: go_on.wait(60) and None, sound, None)
    page.launch(prevent_thread_lock=True, quiet=True)
    address = f"{page.local_url}gradio_api"
    body = {"fn_index": 0, "data": [None], "session_hash": "one"}
    try:
        assert not stream_is_open(page.app, "unknown")
        stream = httpx.post(f"{address}/queue/join", json=body).json()["event_id"]
        assert stream_is_open(page.app, stream)
        httpx.post(f"{address}/stream/{stream}", json=body)
        assert chunk_is_waiting(page.app, stream)
        go_on.set()
        wait_for(lambda: not chunk_is_waiting(page.app, stream), 60)
        httpx.post(f"{address}/stream/{stream}/close")
        assert not stream_is_open(page.app, stream)
    finally:
        go_on.set()
        page.close()

"""The private parts of Gradio that we use: each test fails on an upgrade that changes one."""

import functools

import gradio as gr
from gradio_client import Client

from intent.ui.shared.compat import current_request


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

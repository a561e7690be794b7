"""Access to private parts of Gradio, each in one function.

Gradio may change these without notice: tests/unit/ui/shared/test_compat.py fails when it does.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from gradio.utils import get_upload_folder


def current_request() -> gr.Request | None:
    """Return the request that is being handled, or None outside of one.

    Gradio passes `gr.Request` to plain functions only, not to partials or methods.
    """
    return LocalContext.request.get(None)


def upload_folder() -> Path:
    """Return the folder where Gradio keeps what browsers upload."""
    return Path(get_upload_folder())


def stream_is_open(app: Any, event_id: str) -> bool:
    """Return whether the page's stream with this id still takes chunks."""
    event = _stream(app, event_id)
    return event is not None and not event.closed


def chunk_is_waiting(app: Any, event_id: str) -> bool:
    """Return whether a stream's last chunk has not been taken yet; the next would replace it."""
    event = _stream(app, event_id)
    return event is not None and event.signal.is_set()


def _stream(app: Any, event_id: str) -> Any:
    return app.get_blocks()._queue.event_ids_to_events.get(event_id)

"""Access to private parts of Gradio, each in one function.

Gradio may change these without notice: tests/unit/ui/shared/test_compat.py fails when it does.
"""

import gradio as gr
from gradio.context import LocalContext


def current_request() -> gr.Request | None:
    """Return the request that is being handled, or None outside of one.

    Gradio passes `gr.Request` to plain functions only, not to partials or methods.
    """
    return LocalContext.request.get(None)

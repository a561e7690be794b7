"""Share a run: download it as a zip, or push it to the Hub."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from intent.errors import RunError
from intent.runs.access import is_public
from intent.runs.directory import RunDir
from intent.sharing.push import TOKEN_PAGE, push
from intent.sharing.zip_export import zipped
from intent.ui.runs.share_progress import Job
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.html import notice_html
from intent.ui.shared.visitors import open_run

POLITE = "element.setAttribute('aria-live', 'polite')"
SAVE = """(file) => {
  if (!file) return;
  const link = document.createElement('a');
  link.href = file.url; link.download = file.orig_name || '';
  link.click();
}"""
DOWNLOAD_WORDS = (
    "One zip: the checkpoint, a card that says what it can and cannot do, its recipe and report. "
    "Stock <code>pipeline</code> loads the folder inside."
)
PUSH_WORDS = (
    "The checkpoint and its card, to a name of yours. Another push to the same name updates it."
)


@dataclass(frozen=True)
class PushForm:
    """The components of a push."""

    name: gr.Textbox
    private: gr.Checkbox
    token: gr.Textbox
    button: gr.Button
    status: gr.HTML


def build_share_panel(runs: Path, run_id: gr.State) -> None:
    """Lay out *Download* and *Push to the Hub* for the run whose id the state holds, and wire them.

    An id that is none of the folder's runs is answered with a sentence. Choosing another run
    clears what was said of the one before.
    """
    with gr.Row(elem_id="share", equal_height=False):
        with gr.Column(min_width=280):
            gr.HTML(f"<h3>Download</h3><p>{DOWNLOAD_WORDS}</p>")
            onnx = gr.Checkbox(
                label="With ONNX",
                elem_id="share-onnx",
                info="for programs without PyTorch; takes half a minute",
            )
            download = gr.Button("Download", elem_id="share-download")
            saved = gr.HTML(elem_id="share-saved", js_on_load=POLITE)
            file = gr.DownloadButton("Save again", visible=False, elem_id="share-file")
        with gr.Column(min_width=280):
            form = _build_push_form()
    made = download.click(
        partial(make_zip, runs),
        [run_id, onnx],
        [saved, download, file],
        show_progress="hidden",
        api_visibility="private",
    )
    made.success(None, file, None, js=SAVE, api_visibility="private")
    form.button.click(
        _pusher(runs),
        [run_id, form.name, form.private, form.token],
        [form.status, form.button, form.token],
        show_progress="hidden",
        concurrency_limit=4,
        api_visibility="private",
    )
    run_id.change(
        lambda: ("", gr.update(visible=False, value=None), ""),
        None,
        [saved, file, form.status],
        show_progress="hidden",
        api_visibility="private",
    )


def make_zip(runs: Path, run_id: str | None, with_onnx: bool) -> Iterator[tuple[object, ...]]:
    """Yield progress, then the zip to save; our copy goes when Gradio has taken its own."""
    busy = gr.update(interactive=False)
    with ExitStack() as kept:
        try:
            run = chosen(runs, run_id)
            job = Job(lambda tell: kept.enter_context(zipped(run, with_onnx, tell)))
            for progress in job:
                yield progress, busy, gr.skip()
            size = job.result.stat().st_size / 1e6
        except Exception as error:  # noqa: BLE001 - the page says every failure in words
            yield _refusal(in_words(error)), gr.update(interactive=True), gr.update(visible=False)
            return
        done = f"<p>{escape(job.result.name)}, {size:.1f} MB, is on its way to your downloads.</p>"
        again = gr.update(visible=True, value=str(job.result))
        yield done, gr.update(interactive=True), again


def push_run(
    runs: Path, run_id: str | None, name: str, private: bool, token: str
) -> Iterator[tuple[object, ...]]:
    """Yield progress, then where the run is; the page's token field is emptied first of all."""
    busy, free = gr.update(interactive=False), gr.update(interactive=True)
    try:
        run = chosen(runs, run_id)
        job = Job(lambda tell: push(run, name, token, private, tell))
        for progress in job:
            yield progress, busy, ""
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        yield _refusal(in_words(error)), free, ""
        return
    link = f"<a href='{escape(job.result, quote=True)}' target='_blank' rel='noopener'>"
    yield f"<p>It is on the Hub: {link}{escape(job.result)}</a></p>", free, ""


def token_of(typed: str, login: str | None) -> str:
    """Return the token of a push: typed, else the visitor's login, else the owner's HF_TOKEN.

    In public mode HF_TOKEN is the owner's and never a visitor's: there it is not used.
    """
    owners = "" if is_public() else os.environ.get("HF_TOKEN", "")
    return typed.strip() or login or owners


def has_login() -> bool:
    """Return whether a visitor can log in with the Hub: on a Space that asks for it."""
    return os.environ.get("SYSTEM") == "spaces" and bool(os.environ.get("OAUTH_CLIENT_ID"))


def chosen(runs: Path, run_id: str | None) -> RunDir:
    """Return the run to share; raises RunError where there is none."""
    if not run_id:
        raise RunError("No run is chosen: choose one that has a checkpoint.")
    return open_run(runs, run_id)


def _build_push_form() -> PushForm:
    gr.HTML(f"<h3>Push to the Hub</h3><p>{PUSH_WORDS}</p>")
    name = gr.Textbox(
        label="Name on the Hub", placeholder="your-name/my-model", max_lines=1, elem_id="share-name"
    )
    private = gr.Checkbox(label="Private", elem_id="share-private")
    if has_login():
        gr.LoginButton("Sign in to push without a token", elem_id="share-login", size="md")
    token = gr.Textbox(
        label="Token",
        type="password",
        elem_id="share-token",
        info=_token_info(),
        placeholder="hf_…",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    button = gr.Button("Push to the Hub", elem_id="share-push")
    status = gr.HTML(elem_id="share-pushed", js_on_load=POLITE)
    return PushForm(name, private, token, button, status)


def _token_info() -> str:
    if has_login():
        return "used for this one push and kept nowhere; not needed where you are signed in"
    if not is_public() and os.environ.get("HF_TOKEN"):
        return "used for this one push and kept nowhere; empty: the HF_TOKEN of this machine"
    return f"one that may write, from {TOKEN_PAGE}; used for this one push and kept nowhere"


def _pusher(runs: Path) -> Callable[..., Iterator[tuple[object, ...]]]:
    """The handler of a push; Gradio hands a visitor's login to a parameter of its type."""
    if not has_login():

        def push_typed(
            run_id: str | None, name: str, private: bool, token: str
        ) -> Iterator[tuple[object, ...]]:
            yield from push_run(runs, run_id, name, private, token_of(token, None))

        return push_typed

    def push_logged_in(
        run_id: str | None, name: str, private: bool, token: str, login: gr.OAuthToken | None
    ) -> Iterator[tuple[object, ...]]:
        given = token_of(token, login.token if login else None)
        yield from push_run(runs, run_id, name, private, given)

    return push_logged_in


def _refusal(sentence: str) -> str:
    return f"<div role='alert'>{notice_html(sentence)}</div>"

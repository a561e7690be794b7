"""Share a run: download it as a zip, or push it to the Hub."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from intent.errors import RunError
from intent.runs.access import is_public
from intent.runs.directory import RunDir
from intent.sharing.push import TOKEN_PAGE, push
from intent.sharing.zip_export import zipped
from intent.ui.runs.share_progress import Job
from intent.ui.shared.visitors import open_run
from intent.ui.shared.wiring import POLITE, Limit, Updates, errors_in, on

FOUR_PUSHES = Limit(None, 4)  # at the same time, over all visitors
SAVE = """(file) => {
  if (!file) return;
  const link = document.createElement('a');
  link.href = file.url; link.download = file.orig_name || '';
  link.click();
}"""
DOWNLOAD_WORDS = (
    "A zip with the checkpoint, its model card, recipe and report. Unzip it and load its folder with "
    '<code>pipeline("audio-classification")</code>.'
)
PUSH_WORDS = (
    "Uploads the checkpoint and its model card to your account. Pushing to the same name again "
    "updates the model."
)


@dataclass(frozen=True)
class DownloadForm:
    """The components of a download."""

    with_onnx: gr.Checkbox
    button: gr.Button
    status: gr.HTML
    file: gr.DownloadButton


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

    An id that is not in the runs folder gives a one-sentence error. Selecting another run clears
    the messages about the previous one.
    """
    with gr.Row(elem_id="share", equal_height=False):
        with gr.Column(min_width=280):
            download = _build_download_form()
        with gr.Column(min_width=280):
            form = _build_push_form()
    _wire_download(runs, run_id, download)
    _wire_push(runs, run_id, form)
    on(
        run_id.change,
        lambda: {download.status: "", download.file: _no_file(), form.status: ""},
        None,
        [download.status, download.file, form.status],
    )


def token_of(typed: str, login: str | None) -> str:
    """Return the token for a push: the typed one, else the visitor's login, else HF_TOKEN.

    In public mode HF_TOKEN belongs to the owner, so that no visitor may push with it.
    """
    owners = "" if is_public() else os.environ.get("HF_TOKEN", "")
    return typed.strip() or login or owners


def has_login() -> bool:
    """Return whether visitors can sign in with the Hub: on a Space that enables it."""
    return os.environ.get("SYSTEM") == "spaces" and bool(os.environ.get("OAUTH_CLIENT_ID"))


def run_to_share(runs: Path, run_id: str | None) -> RunDir:
    """Return the selected run; raises RunError if there is none."""
    if not run_id:
        raise RunError("No run is selected: select a run that has a checkpoint.")
    return open_run(runs, run_id)


def _build_download_form() -> DownloadForm:
    gr.HTML(f"<h3>Download</h3><p>{DOWNLOAD_WORDS}</p>")
    return DownloadForm(
        with_onnx=gr.Checkbox(
            label="Include ONNX",
            elem_id="share-onnx",
            info="For programs without PyTorch. The export takes about half a minute.",
        ),
        button=gr.Button("Download", elem_id="share-download"),
        status=gr.HTML(elem_id="share-saved", js_on_load=POLITE),
        file=gr.DownloadButton("Save again", visible=False, elem_id="share-file"),
    )


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
        return "Used for this push only and never stored. Not needed if you are signed in."
    if not is_public() and os.environ.get("HF_TOKEN"):
        return "Used for this push only and never stored. Leave it empty to use this machine’s HF_TOKEN."
    return (
        f"Create one with write access at {TOKEN_PAGE}. Used for this push only and never stored."
    )


def _wire_download(runs: Path, run_id: gr.State, form: DownloadForm) -> None:
    @errors_in(form.status, also={form.button: _enabled(True)})
    def make_zip(chosen: str | None, with_onnx: bool) -> Iterator[Updates]:
        yield {form.button: _enabled(False), form.file: _no_file()}
        run = run_to_share(runs, chosen)
        with ExitStack() as kept:  # our zip is removed once Gradio has copied it
            job = Job(lambda report: kept.enter_context(zipped(run, with_onnx, report)))
            for progress in job:
                yield {form.status: progress}
            name, megabytes = escape(job.result.name), job.result.stat().st_size / 1e6
            yield {
                form.status: f"<p>Downloading {name} ({megabytes:.1f} MB).</p>",
                form.button: _enabled(True),
                form.file: gr.update(visible=True, value=str(job.result)),
            }

    made = on(
        form.button.click,
        make_zip,
        [run_id, form.with_onnx],
        [form.status, form.button, form.file],
    )
    on(made.success, None, form.file, js=SAVE)


def _wire_push(runs: Path, run_id: gr.State, form: PushForm) -> None:
    on(
        form.button.click,
        _push_handler(runs, form),
        [run_id, form.name, form.private, form.token],
        [form.status, form.button, form.token],
        limit=FOUR_PUSHES,
    )


def _push_handler(runs: Path, form: PushForm) -> Callable[..., object]:
    """Return the handler of a push; Gradio passes a visitor's login to a parameter of its type."""
    say_errors = errors_in(form.status, also={form.button: _enabled(True)})

    def push_run(chosen: str | None, name: str, private: bool, token: str) -> Iterator[Updates]:
        yield {form.button: _enabled(False), form.token: ""}  # the token leaves the page first
        run = run_to_share(runs, chosen)
        job = Job(lambda report: push(run, name, token, private, report))
        for progress in job:
            yield {form.status: progress}
        url = escape(job.result, quote=True)
        link = f"<a href='{url}' target='_blank' rel='noopener'>{url}</a>"
        yield {form.status: f"<p>Pushed to {link}</p>", form.button: _enabled(True)}

    @say_errors
    def push_typed(chosen: str | None, name: str, private: bool, token: str) -> Iterator[Updates]:
        yield from push_run(chosen, name, private, token_of(token, None))

    @say_errors
    def push_logged_in(
        chosen: str | None, name: str, private: bool, token: str, login: gr.OAuthToken | None
    ) -> Iterator[Updates]:
        given = token_of(token, login.token if login else None)
        yield from push_run(chosen, name, private, given)

    return push_logged_in if has_login() else push_typed


def _enabled(is_enabled: bool) -> dict[str, object]:
    return gr.update(interactive=is_enabled)


def _no_file() -> dict[str, object]:
    return gr.update(visible=False, value=None)

"""The share panel: which token a push uses, what it reports, and which components it has."""

import os
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from intent.errors import RunError
from intent.sharing import OnProgress
from intent.ui.runs.share_panel import build_share_panel, run_to_share, token_of
from intent.ui.runs.share_progress import Job, progress_html
from tests.repository import ROOT


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", "SYSTEM", "OAUTH_CLIENT_ID", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def built(tmp_path: Path) -> gr.Blocks:
    with gr.Blocks() as page:
        build_share_panel(tmp_path, gr.State(None))
    return page


def test_a_typed_token_takes_precedence_over_a_login_and_that_over_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "machine")
    assert token_of(" typed ", "login") == "typed"
    assert token_of("", "login") == "login"
    assert token_of("", None) == "machine"


def test_a_visitor_of_a_space_never_pushes_with_its_owners_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "the owner's")
    monkeypatch.setenv("SPACE_ID", "owner/space")
    assert token_of("", None) == ""
    assert token_of("", "login") == "login"


BUILD = """
from pathlib import Path
import gradio as gr
from intent.ui.runs.share_panel import build_share_panel
with gr.Blocks() as page:
    build_share_panel(Path("runs"), gr.State(None))
kinds = {block.__class__.__name__ for block in page.blocks.values()}
print("LoginButton" in kinds, any(fn.name == "push_logged_in" for fn in page.fns.values()))
"""


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({}, False),
        ({"SYSTEM": "spaces"}, False),
        ({"SYSTEM": "spaces", "OAUTH_CLIENT_ID": "x"}, True),
    ],
)
def test_a_login_is_offered_only_on_a_space_that_asks_for_it(
    settings: dict[str, str], offered: bool
) -> None:
    """In a fresh process: Gradio reads these settings when it is imported."""
    space = {"SPACE_ID": "ada/space", "OAUTH_CLIENT_SECRET": "y", "OAUTH_SCOPES": "openid"}
    provider = {"OPENID_PROVIDER_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=ROOT,
        text=True,
        env={**os.environ, **space, **provider, **settings},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.split() == [str(offered)] * 2, done.stderr


def test_nothing_of_the_panel_can_be_called_as_an_api(tmp_path: Path) -> None:
    assert built(tmp_path).get_api_info()["named_endpoints"] == {}


@pytest.mark.parametrize("run_id", [None, "", "../../etc", "20260101-000000-guide-0000"])
def test_an_id_that_is_no_run_is_refused(run_id: str | None, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        run_to_share(tmp_path, run_id)


def test_a_refused_push_empties_the_token_field_and_frees_the_button(tmp_path: Path) -> None:
    [push] = [fn.fn for fn in built(tmp_path).fns.values() if fn.name == "push_typed"]
    first, last = push(None, "ada/calls", False, "hf_secret")
    assert "" in first.values()  # the token field
    [status] = [value for value in last.values() if isinstance(value, str)]
    assert "No run is selected" in status and "hf_secret" not in status
    assert gr.update(interactive=True) in last.values()


def test_a_job_reports_its_phases_in_order_and_then_its_result() -> None:
    def work(report: OnProgress) -> str:
        report("reading", None)
        report("sending", 0.0)
        return "there"

    job = Job(work)
    reading, sending = list(job)
    assert "Reading" in reading
    assert "Sending" in sending
    assert job.result == "there"


def test_a_job_raises_its_error_while_its_progress_is_iterated() -> None:
    def work(report: OnProgress) -> None:
        raise RunError("It trains.")

    with pytest.raises(RunError, match="It trains."):
        list(Job(work))


@pytest.mark.parametrize(
    ("share", "seconds", "words"),
    [
        (0.5, 20.0, "Sending 9 MB · 20 seconds left"),
        (0.01, 20.0, "Sending 9 MB"),
        (0.5, 0.1, "Sending 9 MB"),
        (None, 20.0, "Sending 9 MB"),
        (1, 20.0, "Sending 9 MB"),
    ],
)
def test_the_time_left_is_shown_once_it_can_be_estimated(
    share: float | None, seconds: float, words: str
) -> None:
    assert f"<p>{words}</p>" in progress_html("sending 9 MB", share, seconds)

"""The page served in this process, and a client that calls it as another program would."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

# Read by the libraries when they are imported: nothing here may reach the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import pytest
from gradio_client import Client


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs that the page shows."""
    return tmp_path_factory.mktemp("app") / "runs"


@pytest.fixture(scope="session")
def app_page(runs_folder: Path) -> Iterator[gr.Blocks]:
    """The page, served on the loopback."""
    from intent.jobs.control import look_after
    from intent.ui.app import build_app, launch_options

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTENT_RUNS", str(runs_folder))
        patch.setenv("INTENT_CACHE", str(runs_folder.parent / "cache"))
        patch.setenv("HF_HOME", str(runs_folder.parent / "hub"))
        patch.setenv("GRADIO_TEMP_DIR", str(runs_folder.parent / "uploads"))
        threading.Thread(target=look_after, args=[runs_folder], daemon=True).start()
        page = build_app(runs_folder)
        page.launch(
            **launch_options(), server_name="127.0.0.1", prevent_thread_lock=True, quiet=True
        )
        yield page
        page.close()


@pytest.fixture(scope="session")
def app_address(app_page: gr.Blocks) -> str:
    """Where the page is served."""
    return app_page.local_url


@pytest.fixture(scope="session")
def client(app_address: str) -> Client:
    """A remote client of the page."""
    return Client(app_address, verbose=False)

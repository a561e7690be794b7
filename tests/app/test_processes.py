"""What the app loads before it serves the page, and what only later."""

import subprocess
import sys

import pytest

from intent.devices import may_have_gpu
from tests.repository import ROOT

# Prints, where app.py would serve the page, whether torch and transformers were imported and which
# process training would be forked from; and that process again after the handlers of the Fine-tune tab.
CODE = """
import os, sys
from multiprocessing import forkserver
import app, intent.ui.app

def handlers(page):
    for fn in page.fns.values():
        for block, event in fn.targets:
            if event == "select" and page.blocks[block].label == "Fine-tune" and not fn.inputs:
                yield fn.fn

def served(page, when_served):
    print("torch" in sys.modules)
    print("transformers" in sys.modules)
    print(forkserver._forkserver._forkserver_pid)
    for handler in handlers(page):
        handler()
    print(forkserver._forkserver._forkserver_pid)
    sys.stdout.flush()
    os._exit(0)

intent.ui.app.launch = served
app.main()
"""


@pytest.fixture(scope="module")
def printed() -> list[str]:
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def test_the_page_is_served_before_torch_is_imported_where_there_is_no_gpu(
    printed: list[str],
) -> None:
    assert printed[0] == str(may_have_gpu())


def test_transformers_is_imported_before_threads_ask_for_it_at_once(printed: list[str]) -> None:
    assert printed[1] == "True"


def test_the_app_loads_what_training_needs_when_the_fine_tune_tab_is_opened(
    printed: list[str],
) -> None:
    _, _, at_rest, opened = printed
    assert at_rest == "None"
    assert opened.isdigit()

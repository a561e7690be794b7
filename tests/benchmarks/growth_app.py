"""Start the app in a process of its own: how long that takes, and what its memory consists of."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gradio_client import Client, handle_file

from intent.paths import EXAMPLES
from tests.repository import ROOT

START_COLUMNS = ("import gradio", "page answers", "ratio", "first recording classified")
MEMORY_COLUMNS = ("part", "memory with it", "adds", "of that, not mapped files")


def start_rows(rounds: int) -> Iterator[tuple[object, ...]]:
    """Yield the seconds from start to the page, in turn with a mere `import gradio`."""
    from tests.browser.harness import serve

    for _ in range(rounds):
        before = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import gradio"], check=True)
        alone = time.perf_counter() - before
        with tempfile.TemporaryDirectory() as home:
            before = time.perf_counter()
            with serve(Path(home)) as url:
                page = time.perf_counter() - before
                clip = handle_file(str(EXAMPLES / "pay-a-bill.wav"))
                Client(url, verbose=False).predict(clip, api_name="/classify")
                answered = time.perf_counter() - before
        yield f"{alone:.2f} s", f"{page:.2f} s", f"{page / alone:.2f}", f"{answered:.2f} s"


def memory_rows(rounds: int) -> Iterator[tuple[object, ...]]:
    """Yield what each part of the idle app adds to its memory, in MB."""
    for _ in range(rounds):
        before = own_before = 0.0
        for name, total, own in _parts():
            added = f"{total - before:.0f} MB", f"{own - own_before:.0f} MB"
            yield name, f"{total:.0f} MB", *added
            before, own_before = total, own


def _parts() -> Iterator[tuple[str, float, float]]:
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "INTENT_RUNS": f"{home}/runs",
            "INTENT_CACHE": f"{home}/cache",
            "GRADIO_TEMP_DIR": f"{home}/uploads",
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        command = [sys.executable, "-m", "tests.benchmarks.idle_memory"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    for line in done.stdout.splitlines():
        name, total, own = line.split("\t")
        yield name, float(total), float(own)

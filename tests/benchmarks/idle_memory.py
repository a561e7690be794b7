"""Load what the idle app consists of, one part after the other, and print the memory after each.

Run by `bench_growth memory` in a process of its own: `python -m tests.benchmarks.idle_memory`.
"""

import os
from collections.abc import Callable, Iterator

from tests.memory import megabytes


def served_app() -> None:
    """Serve the page as app.py does, without its model, and ask for it once."""
    from intent.environment import prepare_environment

    prepare_environment(page=True)
    import urllib.request

    from intent.jobs.control import look_after  # noqa: F401 - app.py imports it
    from intent.paths import runs_dir
    from intent.ui.app import build_app, launch_options

    page = build_app(runs_dir())
    page.launch(**launch_options(), prevent_thread_lock=True, quiet=True)
    urllib.request.urlopen(page.local_url).close()


def whisper() -> None:
    """Import what transformers needs for a Whisper classifier."""
    from transformers import pipeline
    from transformers.models.whisper import feature_extraction_whisper, modeling_whisper

    assert pipeline and feature_extraction_whisper and modeling_whisper


def answers() -> None:
    """Load the model and classify each example once."""
    from intent.audio.clip import read_clip
    from intent.models.classifier import classify
    from intent.paths import EXAMPLES

    for path in sorted(EXAMPLES.glob("*.wav")):
        classify(read_clip(path))


def _import(name: str) -> Callable[[], object]:
    return lambda: __import__(name)


PARTS: dict[str, Callable[[], object]] = {
    "Python alone": lambda: None,
    "numpy": _import("numpy"),
    "gradio": _import("gradio"),
    "torch": _import("torch"),
    "transformers, with Whisper": whisper,
    "our page, served": served_app,
    "our model, after six answers": answers,
}


def figures() -> Iterator[tuple[str, float, float]]:
    """Yield each part, and the memory with it in MB: all, and all but mapped files."""
    for name, load in PARTS.items():
        load()
        yield name, megabytes("VmRSS"), megabytes("RssAnon")


if __name__ == "__main__":
    for part in figures():
        print(*part, sep="\t", flush=True)
    os._exit(0)  # the server's threads would wait

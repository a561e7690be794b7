"""What other programs may ask of the Fine-tune tab: start a run, look at it, stop it."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import gradio as gr

from intent.jobs.control import resume_run, stop_run
from intent.jobs.request import TrainingRequest
from intent.paths import BUNDLED, SAMPLE
from intent.runs import store
from intent.runs.directory import RunDir
from intent.runs.summary import summarize
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.requests import overrides_of, start_new
from intent.ui.shared.visitors import current_visitor, open_run, told


def offer_api(runs: Path) -> None:
    """Add the endpoints /start, /status, /stop and /resume to the present Blocks."""

    def start(
        data: str = SAMPLE,
        locales: list[str] = ["en-US"],  # noqa: B006 - Gradio shows it as the default, nobody changes it
        base: str = BUNDLED,
        preset: str = "instant",
        seed: int = 42,
        overrides: str = "{}",
    ) -> str:
        """Start a fine-tune and return the id of its run. One run trains at a time, others
        wait in the queue and begin by themselves. data: "minds14"
        (the Hub), "sample" (bundled) or, on one's own machine, a folder. locales: of MInDS-14, such
        as en-US. base: "bundled", the id of a run, a Hub id or, on one's own machine, a folder.
        preset: "instant", "recommended" or "guide". overrides: hyperparameters as a JSON object,
        such as {"epochs": 4}. Where strangers are let in, send the header x-intent-visitor with 16
        to 200 random characters of yours: the run can be stopped with the same ones alone."""
        changes = {"seed": seed, **overrides_of(overrides)}
        return start_new(runs, TrainingRequest(data, base, preset, locales, changes)).id

    def status(run_id: str) -> dict:
        """Say how a run is: its state (queued, running, stopping, done, stopped, out of time, failed
        or interrupted), its place in the queue, what happens now, how far that is (0 to 1), its
        test accuracy with the 95 % interval and the clips behind it, the name of its checkpoint
        for /classify, on one's own machine where its model lies, and why it failed if it did."""
        return describe_run(open_run(runs, run_id))

    def stop(run_id: str) -> str:
        """Ask a run to stop and return its state. It keeps its best checkpoint so far; /status
        says when it has stopped. A run that waits is taken out of the queue, one that has ended is
        left as it is."""
        return stop_run(open_run(runs, run_id, "stop"))

    def resume(run_id: str) -> str:
        """Go on with a run that was stopped, interrupted, out of time or failed, from its last
        checkpoint, and return its state: queued where another run trains."""
        run = open_run(runs, run_id, "resume")
        resume_run(run)
        return store.state(run)

    for endpoint in (start, status, stop, resume):
        gr.api(in_sentences(endpoint), api_name=endpoint.__name__, concurrency_limit=None)


def describe_run(run: RunDir) -> dict:
    """Return a run in JSON's types, as /status gives it."""
    summary = summarize(run)
    progress = summary.progress
    return {
        "run": run.id,
        "name": summary.name,
        "state": summary.state,
        "place": summary.place,
        "phase": summary.phase,
        "progress": progress.done / progress.total if progress and progress.total else None,
        "seconds_left": progress.seconds_left if progress else None,
        "accuracy": summary.accuracy,
        "interval": list(summary.interval) if summary.interval else None,
        "test_clips": summary.test_clips,
        "checkpoint": run.id if summary.has_model else None,
        "model": str(run.model) if summary.has_model and current_visitor().is_owner else None,
        "message": told(summary.message) or None,
    }


def in_sentences(endpoint: Callable) -> Callable:
    """Return the function with every failure turned into Gradio's error, in one sentence."""

    @wraps(endpoint)
    def told(*values: object) -> object:
        try:
            return endpoint(*values)
        except Exception as error:  # noqa: BLE001 - a caller gets every failure in words
            raise gr.Error(in_words(error), print_exception=False) from None

    return told

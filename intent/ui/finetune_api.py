"""What other programs may ask of the Fine-tune tab: start a run, look at it, stop it."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import gradio as gr

from intent import runs as all_runs
from intent.encoders import family
from intent.events import Failed, Finished
from intent.paths import BUNDLED, SAMPLE
from intent.recipes import preset as recipe_preset
from intent.rundir import RunDir
from intent.ui.ask import checked_data, overrides_of, recipe_of, start_new
from intent.ui.checkpoint_menu import in_words


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
        (the Hub), "sample" (bundled) or a folder on the server. locales: of MInDS-14, such as
        en-US. base: "bundled", a Hub id or a folder. preset: "instant", "recommended" or "guide".
        overrides: hyperparameters as a JSON object, such as {"epochs": 4}."""
        checked_data(data)
        starting_point = recipe_preset(preset, family(base))
        values = {"seed": seed, **overrides_of(overrides)}
        return start_new(runs, recipe_of(data, locales, base, preset, starting_point, values)).id

    def status(run_id: str) -> dict:
        """Say how a run is: its state (queued, running, stopping, done, stopped, out of time, failed
        or interrupted), its place in the queue, what happens now, how far that is (0 to 1), its
        test accuracy with the 95 % interval and the clips behind it, where its model lies, and why
        it failed if it did."""
        return describe_run(all_runs.open_run(runs, run_id))

    def stop(run_id: str) -> str:
        """Ask a run to stop and return its state. It keeps its best checkpoint so far; /status
        says when it has stopped. A run that waits is taken out of the queue, one that has ended is
        left as it is."""
        return all_runs.stop_run(all_runs.open_run(runs, run_id))

    def resume(run_id: str) -> str:
        """Go on with a run that was stopped, interrupted, out of time or failed, from its last
        checkpoint, and return its state: queued where another run trains."""
        run = all_runs.open_run(runs, run_id)
        all_runs.resume_run(run)
        return all_runs.state(run)

    for endpoint in (start, status, stop, resume):
        gr.api(in_sentences(endpoint), api_name=endpoint.__name__, concurrency_limit=None)


def describe_run(run: RunDir) -> dict:
    """Return a run in JSON's types, as /status gives it."""
    state, history = all_runs.state(run), all_runs.history_of(run)
    end, progress = history.end, history.progress
    finished = end if isinstance(end, Finished) else None
    waiting = all_runs.queued_runs(run.path.parent) if state == "queued" else []
    last = history.evaluations[-1].accuracy if history.evaluations else None
    return {
        "run": run.id,
        "name": run.name,
        "state": state,
        "place": waiting.index(run) + 1 if run in waiting else None,
        "phase": history.phase,
        "progress": progress.done / progress.total if progress and progress.total else None,
        "seconds_left": progress.seconds_left if progress else None,
        "accuracy": finished.accuracy if finished else last,
        "interval": list(finished.interval) if finished and finished.interval else None,
        "test_clips": finished.clips if finished else None,
        "model": str(run.model) if run.model.is_dir() else None,
        "message": end.message if isinstance(end, Failed) else None,
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

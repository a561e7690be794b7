"""The API of the Fine-tune tab: start a run, read its status, stop and resume it."""

from pathlib import Path

from intent.jobs.control import resume_run, stop_run
from intent.jobs.request import TrainingRequest
from intent.paths import BUNDLED, SAMPLE
from intent.runs import store
from intent.runs.directory import RunDir
from intent.runs.summary import summarize
from intent.ui.shared.requests import overrides_of, start_new
from intent.ui.shared.visitors import current_visitor, open_run, redacted
from intent.ui.shared.wiring import add_endpoint


def offer_api(runs: Path) -> None:
    """Add the endpoints /start, /status, /stop and /resume to the current Blocks."""

    def start(
        data: str = SAMPLE,
        locales: list[str] = ["en-US"],  # noqa: B006 - Gradio shows the default; nothing changes it
        base: str = BUNDLED,
        preset: str = "instant",
        seed: int = 42,
        overrides: str = "{}",
        reject_label: str = "",
    ) -> str:
        """Start a fine-tuning run and return its id. One run trains at a time; others wait in the
        queue and start automatically. data: "minds14" (from the Hub), "sample" (bundled) or, on
        your own machine, a folder. locales: of MInDS-14, such as en-US. base: the base model:
        "bundled", the id of a run, a Hub id or, on your own machine, a folder. preset: the recipe:
        "instant", "recommended" or "guide". overrides: hyperparameters that replace the recipe's,
        as a JSON object such as {"epochs": 4}. reject_label: the label of the data that means "none of
        the intents", for recordings of other requests; empty: there is none. In public mode, send
        the header x-intent-visitor with a secret of 16 to 200 random characters: only requests with
        the same secret can stop the run."""
        changes = {"seed": seed, "reject_label": reject_label, **overrides_of(overrides)}
        return start_new(runs, TrainingRequest(data, base, preset, locales, changes)).id

    def status(run_id: str) -> dict[str, object]:
        """Return the status of a run: its state (prepared, queued, running, stopping, done,
        stopped, out of time, failed or interrupted), its position in the queue, its current phase
        and progress (0 to 1), its test accuracy with the 95 % confidence interval and the number of
        test recordings, the name of its checkpoint for /classify, on your own machine the path of
        its model, and the error message if it failed."""
        return describe_run(open_run(runs, run_id))

    def stop(run_id: str) -> str:
        """Ask a run to stop and return its state. It keeps its best checkpoint so far; /status
        shows when it has stopped. A queued run is removed from the queue; a run that has ended
        does not change."""
        return stop_run(open_run(runs, run_id, "stop"))

    def resume(run_id: str) -> str:
        """Resume a run that was stopped, interrupted, out of time or failed, from its last
        checkpoint, and return its state: queued if another run is training."""
        run = open_run(runs, run_id, "resume")
        resume_run(run)
        return store.state(run)

    for endpoint in (start, status, stop, resume):
        add_endpoint(endpoint)


def describe_run(run: RunDir) -> dict[str, object]:
    """Return the status of a run as JSON values."""
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
        "message": redacted(summary.message) or None,
    }

"""Offer the Runs tab to other programs: list, read, compare, rename, remove and restore runs."""

import dataclasses
from pathlib import Path

from intent.errors import RunError
from intent.runs.compare import differences
from intent.runs.report import AnsweredClip, Report, read_report
from intent.runs.store import rename_run, state
from intent.runs.trash import trash_run
from intent.ui.runs.compare_view import distinct_names, verdicts
from intent.ui.runs.rows import RunRow, rows_of
from intent.ui.runs.view import compared
from intent.ui.shared.visitors import open_run, restore_run
from intent.ui.shared.wiring import add_endpoint


def offer_api(runs: Path) -> None:
    """Add /list_runs, /report, /compare, /rename, /remove and /restore to the current Blocks."""
    _offer_reading(runs)
    _offer_changes(runs)


def _offer_reading(runs: Path) -> None:
    def list_runs() -> list[dict[str, object]]:
        """List the runs, newest first: id, name, data, base model, recipe, state, accuracy (0 to 1)
        with its 95 % confidence interval, seconds of training, size in bytes, and whether there is
        a model. Runs in the trash are left out."""
        return [described(row) for row in rows_of(runs)]

    def report(run_id: str) -> dict[str, object]:
        """Return the report of a run that has ended: accuracy (0 to 1) with its 95 % confidence
        interval, expected calibration error, confusion matrix (rows are true labels, columns
        predicted labels, in the order of labels), precision, recall and F1 of each intent, how well
        the label that means none of the intents is recognized (rejection; null without one), and
        every misclassified recording with its transcript and top predictions, most confident first.
        """
        run = open_run(runs, run_id)
        return {"run": run.id, "name": run.name, **described_report(read_report(run))}

    def compare(run_ids: list[str]) -> dict[str, object]:
        """Compare two or more runs: the accuracy of each, whether the best one is significantly
        better on the recordings that both were tested on (McNemar's exact test, in words), and the
        fields of their recipes that differ, with their values in the order of run_ids."""
        chosen = list(dict.fromkeys(open_run(runs, run_id) for run_id in run_ids))
        if len(chosen) < 2:
            raise RunError(
                f"run_ids must name two or more different runs, but names {len(chosen)}: call "
                "/list_runs for the ids."
            )
        rows = {row.id: row for row in rows_of(runs)}
        pairs = [compared(run, rows[run.id]) for run in chosen if run.id in rows]
        return {
            "runs": [described(one.row) for one in pairs],
            "verdicts": verdicts(distinct_names([one.row for one in pairs]), pairs),
            "differences": {
                one.field: one.values for one in differences([one.recipe for one in pairs])
            },
        }

    for endpoint in (list_runs, report, compare):
        add_endpoint(endpoint)


def _offer_changes(runs: Path) -> None:
    def rename(run_id: str, name: str) -> str:
        """Rename a run and return the new name, which has 1 to 60 characters."""
        run = open_run(runs, run_id, "rename")
        rename_run(run, str(name))
        return run.name

    def remove(run_id: str) -> str:
        """Move a run to the trash and return its id. /restore restores it by that id until
        the trash is emptied. A run that is training or queued cannot be removed."""
        run = open_run(runs, run_id, "remove")
        trash_run(run)
        return run.id

    def restore(run_id: str) -> str:
        """Restore a run from the trash and return its state."""
        return state(restore_run(runs, str(run_id)))

    for endpoint in (rename, remove, restore):
        add_endpoint(endpoint)


def described(row: RunRow) -> dict[str, object]:
    """Return a row of the list as JSON values."""
    values = dataclasses.asdict(row)
    return {"run": values.pop("id"), **{k: v for k, v in values.items() if k != "events"}}


def described_report(report: Report) -> dict[str, object]:
    """Return a report as JSON values."""
    return {
        "accuracy": report.accuracy,
        "interval": report.interval,
        "ece": report.ece,
        "labels": report.labels,
        "confusion": report.confusion,
        "per_intent": {
            label: dataclasses.asdict(metrics) for label, metrics in report.per_intent.items()
        },
        "rejection": dataclasses.asdict(report.rejection) if report.rejection else None,
        "clips": len(report.clips) if report.is_whole else None,
        "mistakes": [mistake(clip) for clip in report.mistakes],
    }


def mistake(clip: AnsweredClip) -> dict[str, object]:
    """Return a misclassified clip as JSON values, without its audio."""
    return {
        "clip": clip.name,
        "locale": clip.locale,
        "transcription": clip.transcription,
        "true": clip.true,
        "top": [{"label": label, "score": score} for label, score in clip.top],
        "flaw": clip.flaw,
    }

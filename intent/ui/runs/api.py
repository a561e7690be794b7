"""What other programs may ask of the Runs tab: list runs, read and compare them, and keep order."""

import dataclasses
from pathlib import Path

import gradio as gr

from intent.errors import RunError
from intent.runs.compare import differences
from intent.runs.report import AnsweredClip, read_report
from intent.runs.store import rename_run, state
from intent.runs.trash import trash_run
from intent.ui.finetune.api import in_sentences
from intent.ui.runs.compare_view import distinct_names, verdicts
from intent.ui.runs.rows import RunRow, rows_of
from intent.ui.runs.view import compared
from intent.ui.shared.visitors import open_run, restore_run


def offer_api(runs: Path) -> None:
    """Add /list_runs, /report, /compare, /rename, /remove and /restore to the present Blocks."""

    def list_runs() -> list:
        """List the runs, the newest first: id, name, data, base, recipe and state of each, its
        accuracy (0 to 1) with the 95 % interval, the seconds it took, its size in bytes, and
        whether it has a model. What lies in the trash is not in the list."""
        return [described(row) for row in rows_of(runs)]

    def report(run_id: str) -> dict:
        """Read the report of a run that has ended: accuracy (0 to 1) with its 95 % interval,
        expected calibration error, confusion (a row a true label, a column a predicted one, in
        the order of labels), precision, recall and F1 of each intent, and every mistake with its
        transcript and its likeliest answers, the most confident first."""
        run = open_run(runs, run_id)
        found = read_report(run)
        return {
            "run": run.id,
            "name": run.name,
            "accuracy": found.accuracy,
            "interval": found.interval,
            "ece": found.ece,
            "labels": found.labels,
            "confusion": found.confusion,
            "per_intent": {
                label: dataclasses.asdict(figures) for label, figures in found.per_intent.items()
            },
            "clips": len(found.clips) if found.is_whole else None,
            "mistakes": [mistake(clip) for clip in found.mistakes],
        }

    def compare(run_ids: list[str]) -> dict:
        """Compare two runs or more: each with its accuracy, whether the best of them is better by
        more than chance on the clips that both were tested on (McNemar's exact test, in words),
        and the settings of their recipes that differ, in the order of run_ids."""
        chosen = list(dict.fromkeys(open_run(runs, run_id) for run_id in run_ids))
        if len(chosen) < 2:
            raise RunError(
                f"Two different runs or more can be compared, found {len(chosen)}: name them by "
                "their ids (/list_runs)."
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

    def rename(run_id: str, name: str) -> str:
        """Give a run another name, of 1 to 60 characters, and return it."""
        run = open_run(runs, run_id, "rename")
        rename_run(run, str(name))
        return run.name

    def remove(run_id: str) -> str:
        """Move a run to the trash and return its id, with which /restore takes it back: for as
        long as it lies there. A run that trains or waits is refused."""
        run = open_run(runs, run_id, "remove")
        trash_run(run)
        return run.id

    def restore(run_id: str) -> str:
        """Take a run out of the trash and return the state it is in."""
        return state(restore_run(runs, str(run_id)))

    for endpoint in (list_runs, report, compare, rename, remove, restore):
        gr.api(in_sentences(endpoint), api_name=endpoint.__name__, concurrency_limit=None)


def described(row: RunRow) -> dict[str, object]:
    """Return a row of the list in JSON's types."""
    values = dataclasses.asdict(row)
    return {"run": values.pop("id"), **{k: v for k, v in values.items() if k != "events"}}


def mistake(clip: AnsweredClip) -> dict[str, object]:
    """Return a clip that was heard as something else in JSON's types, without its sound."""
    return {
        "clip": clip.name,
        "locale": clip.locale,
        "transcription": clip.transcription,
        "true": clip.true,
        "top": [{"label": label, "score": score} for label, score in clip.top],
        "flaw": clip.flaw,
    }

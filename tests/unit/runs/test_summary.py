"""The summary of a run, while it trains and after it has ended."""

from pathlib import Path

from intent.jobs.queue import enqueue
from intent.jobs.worker import training_lock
from intent.recipes import Recipe
from intent.runs.access import visitor_with
from intent.runs.events import EvalPoint, Failed, Finished, Phase, Progress
from intent.runs.store import create_run
from intent.runs.summary import summarize


def test_a_run_that_trains_has_its_phase_progress_and_latest_accuracy(tmp_path: Path) -> None:
    run, progress = create_run(tmp_path, Recipe()), Progress(3, 10, 2.0, 4.0)
    with training_lock(run):
        for event in (EvalPoint(0.5), EvalPoint(0.75), Phase("epoch 3 of 10"), progress):
            run.append(event)
        summary = summarize(run)
    assert (summary.state, summary.is_live, summary.is_resumable) == ("running", True, False)
    assert (summary.phase, summary.progress, summary.accuracy) == ("epoch 3 of 10", progress, 0.75)
    assert (summary.interval, summary.seconds, summary.events) == (None, None, 4)


def test_a_finished_run_has_its_final_accuracy_even_where_there_is_none(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe(preset="guide"), visitor_with("a" * 32))
    run.append(EvalPoint(0.5))
    run.append(Finished("done", None, None, 0, 12.5))
    run.model.mkdir()
    summary = summarize(run)
    assert (summary.state, summary.accuracy, summary.test_clips) == ("done", None, 0)
    assert (summary.name, summary.seconds, summary.has_model) == ("Guide, bundled", 12.5, True)
    assert summary.owner == visitor_with("a" * 32).key and summary.bytes > 500


def test_a_failed_run_has_its_message_and_can_be_resumed(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    run.append(Failed("The disk is full."))
    assert (summarize(run).message, summarize(run).is_resumable) == ("The disk is full.", True)


def test_a_queued_run_has_its_place(tmp_path: Path) -> None:
    first, second = (create_run(tmp_path, Recipe()) for _ in range(2))
    for run in (second, first):
        enqueue(run)
    assert [summarize(run).place for run in (first, second)] == [2, 1]
    assert summarize(first, [first, second]).place == 1

"""What the page shows of a run: its phase, progress, result and skipped recordings."""

import dataclasses
import re
from functools import reduce
from pathlib import Path

import pytest

from intent.jobs.queue import enqueue
from intent.jobs.worker import training_lock
from intent.recipes import preset
from intent.runs.events import (
    Event,
    Failed,
    Finished,
    Halved,
    History,
    Notice,
    Phase,
    Progress,
    Saved,
    Skipped,
    Started,
)
from intent.runs.folding import add_event
from intent.runs.store import create_run, rename_run
from intent.ui.finetune.live_view import View, empty_view, view_of
from intent.ui.shared.format import time_in_words
from intent.ui.shared.run_notes import notes_html

STARTED = Started("fine-tune", ("low", "high"), 450, 113, seen_clips=0, device="CPU, 2 threads")


RUN = "20261122-100000-guide-0a1b"


def view(state: str, *events: Event, has_model: bool = True, stop_is_overdue: bool = False) -> View:
    history = reduce(add_event, events, History())
    return view_of(RUN, preset("guide"), state, history, has_model, stop_is_overdue)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def test_a_running_run_says_its_phase_and_how_far_it_is() -> None:
    progress = Progress(done=12, total=48, clips_per_second=31.4, seconds_left=185.0, epoch=2.5)
    shown = view("running", STARTED, Phase("epoch 3 of 10"), progress)
    assert text(shown.status) == (
        "Epoch 3 of 10 Guide, from the bundled checkpoint, on MInDS-14 en-US, seed 42 on CPU, "
        f"2 threads {RUN}"
    )
    assert text(shown.progress) == "Epoch 2.5 · step 12 of 48 · 31 recordings/s · 3 minutes left"
    assert "role='progressbar'" in shown.progress and "aria-valuenow='25'" in shown.progress
    assert shown.is_live and not shown.has_model


def test_between_two_epochs_the_bar_and_the_time_left_stay() -> None:
    progress = Progress(done=12, total=48, clips_per_second=31.4, seconds_left=185.0, epoch=3.0)
    within = view("running", STARTED, Phase("epoch 3 of 10"), progress)
    between = [Phase("evaluating after epoch 3"), Phase("epoch 4 of 10")]
    for count in (1, 2):
        shown = view("running", STARTED, Phase("epoch 3 of 10"), progress, *between[:count])
        assert shown.progress == within.progress


def test_a_phase_without_progress_has_a_bar_without_a_value() -> None:
    shown = view("running", STARTED, Phase("reading audio"))
    assert "aria-valuenow" not in shown.progress and "Preparing…" in shown.progress


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        ("done", ""),
        ("stopped", " Stopped early: the best checkpoint so far was kept."),
        ("out of time", " Time limit reached: the best checkpoint so far was kept."),
    ],
)
def test_a_finished_run_gives_its_accuracy_with_its_interval(outcome: str, note: str) -> None:
    end = Finished(outcome, accuracy=103 / 113, interval=(0.846, 0.951), clips=113, seconds=241)
    shown = view(outcome, STARTED, end)
    assert text(shown.result) == (
        "91.2 % of 113 test recordings classified correctly "
        f"(95 % confidence interval: 85 to 95 %).{note}"
    )
    assert text(shown.progress) == "Took 4 minutes"
    assert shown.has_model and not shown.is_live


def test_test_recordings_that_the_base_was_trained_on_are_counted() -> None:
    started = Started("fine-tune", ("low", "high"), 450, 100, seen_clips=13, device="CPU")
    end = Finished("done", accuracy=0.9, interval=(0.8, 0.95), clips=100, seconds=10)
    assert "Excluded: 13 test recordings that the base model was trained on." in text(
        view("done", started, end).result
    )


def test_test_recordings_that_are_in_the_training_set_too_are_not_blamed_on_the_base() -> None:
    started = dataclasses.replace(STARTED, duplicate_clips=2)
    end = Finished("done", accuracy=0.9, interval=(0.8, 0.95), clips=111, seconds=10)
    shown = text(view("done", started, end).result)
    assert "Excluded: 2 test recordings that are in the training set too." in shown
    assert "the base was trained on" not in shown


def test_without_an_unseen_test_recording_the_accuracy_is_not_measured() -> None:
    end = Finished("done", accuracy=None, interval=None, clips=0, seconds=10)
    assert text(view("done", STARTED, end).result) == (
        "Not measured There are no unseen test recordings."
    )


def test_a_failed_run_shows_its_message_as_plain_text() -> None:
    shown = view("failed", Failed("The folder <b> was empty."), has_model=False)
    assert "The folder &lt;b&gt; was empty." in shown.result and not shown.has_model


def test_an_interrupted_run_says_what_is_left() -> None:
    lost = view("interrupted", STARTED, has_model=False)
    assert "No checkpoint was saved: Resume starts the run from the beginning." in lost.result
    kept = text(view("interrupted", STARTED, Saved(0.75)).result)
    assert "Its best checkpoint so far (75.0 % on the test set) can be used." in kept
    assert kept.endswith("Resume continues the training.")


def test_skipped_recordings_are_counted_and_listed() -> None:
    shown = view("running", STARTED, Skipped("a.wav", "it is empty"), Skipped("<i>", "not a sound"))
    assert text(shown.skipped) == (
        "2 notes on what was left out a.wav it is empty &lt;i&gt; not a sound"
    )
    assert view("running", STARTED).skipped == ""


def test_a_run_that_ignores_a_request_to_stop_can_be_ended() -> None:
    assert not view("stopping", STARTED).can_end_now
    assert view("stopping", STARTED, stop_is_overdue=True).can_end_now
    assert not view("running", STARTED, stop_is_overdue=True).can_end_now


def test_a_queued_run_can_be_removed_and_one_that_ended_early_resumed() -> None:
    waits = view("queued")
    assert text(waits.status).startswith("Waiting in the queue")
    assert (waits.is_live, waits.stop_word, waits.can_resume) == (True, "Remove from queue", False)
    assert view("running", STARTED).stop_word == "Stop"
    assert view("stopping", STARTED, stop_is_overdue=True).stop_word == "Force stop"
    resumable = {s: view(s, STARTED).can_resume for s in ("interrupted", "failed", "done")}
    assert resumable == {"interrupted": True, "failed": True, "done": False}


def test_the_notes_say_who_waits_and_behind_whom(tmp_path: Path) -> None:
    first, second, third = (create_run(tmp_path, preset("guide")) for _ in range(3))
    rename_run(third, "<b>Third</b>")
    enqueue(second), enqueue(third)
    with training_lock(first):
        assert text(notes_html(third, "queued", History())) == (
            f"Position 2 of 2 in the queue. Guide, bundled ({first.id}) is training. This run "
            f"starts automatically. Guide, bundled {second.id} "
            f"&lt;b&gt;Third&lt;/b&gt; {third.id}"
        )
        assert "Queued after this run:" in notes_html(first, "running", History())
    assert notes_html(first, "done", History()) == ""


def test_the_notes_say_that_memory_was_too_small(tmp_path: Path) -> None:
    history = History(halved=Halved(clips_at_once=4, passes=8))
    assert "8 batches of 4 recordings per step" in text(
        notes_html(create_run(tmp_path, preset("guide")), "done", history)
    )


def test_the_notes_say_what_of_the_base_is_left_out(tmp_path: Path) -> None:
    notice = Notice("The sum <is> left out.")
    history = reduce(add_event, (notice, STARTED, notice), History())  # resumed: said again
    notes = notes_html(create_run(tmp_path, preset("guide")), "done", history)
    assert text(notes) == "The sum &lt;is&gt; left out."


def test_without_a_run_the_page_says_what_to_do() -> None:
    shown = empty_view(preset("instant"))
    assert "No runs yet" in shown.status
    assert not shown.is_live and not shown.has_model


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (32, "30 seconds"),
        (58, "1 minute"),
        (150, "2 minutes"),
        (3599, "1 h 0 min"),
        (5000, "1 h 23 min"),
    ],
)
def test_a_duration_is_formatted_in_everyday_words(seconds: float, words: str) -> None:
    assert time_in_words(seconds).replace("\u00a0", " ") == words

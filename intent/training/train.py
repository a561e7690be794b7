"""Train a checkpoint from a recipe, and write a report: train(recipe, run, on_event)."""

import gc
import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.devices import device_name
from intent.models.encoders import has_fixed_window
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Finished, Phase, Started
from intent.runs.kept_split import write_split
from intent.runs.report import answered_clips
from intent.training import phases
from intent.training.context import Stopped, Watch, Work
from intent.training.gradient.fine_tuning import fine_tune
from intent.training.gradient.trainer import last_step
from intent.training.instant import fit_instant
from intent.training.leave_one_out.tune import tune_last_layer
from intent.training.out_of_memory import with_less_memory
from intent.training.outputs import evaluate, model_probabilities, save_model, write_report
from intent.training.prepare import check_trainable, prepare


def train(
    recipe: Recipe,
    run: RunDir,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool] = lambda: False,
    budget_seconds: float | None = None,
) -> None:
    """Train a recipe, and write `model/` and `report.json` into the run's directory.

    Emits the events from Started to Finished. Ends early with the best checkpoint so far when
    `should_stop` returns true or after `budget_seconds`; called again, it resumes from the run's
    own checkpoints. Raises IntentError for problems that the user can fix. If the accelerator runs
    out of memory, it starts again once from the last checkpoint with fewer clips at a time
    (`out_of_memory.py`).

    In distributed training all processes call it. After the gradient steps only the lead process
    continues; in the worker processes it raises `distributed.WorkerReleasedError`.
    """
    if recipe.method == "closed-form":
        distributed.release_workers()
    watch, earlier_seconds = Watch(should_stop, budget_seconds), _earlier_seconds(run)
    memory_is_short = run.history().halved is not None  # in an earlier session
    while True:
        try:
            return _train_once(recipe, run, on_event, watch, earlier_seconds, memory_is_short)
        except torch.OutOfMemoryError:
            if memory_is_short or distributed.count() > 1:
                raise
            started = run.history().started
            clips = started.train_clips if started else recipe.batch_size
            smaller = with_less_memory(recipe, clips)
            if smaller is None:
                raise
        gc.collect()  # outside the except block, where the exception no longer holds tensors
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        memory_is_short = True
        _, halved = smaller
        on_event(halved)


def _train_once(
    recipe: Recipe,
    run: RunDir,
    on_event: Callable[[Event], None],
    watch: Watch,
    earlier_seconds: float,
    memory_is_short: bool,
) -> None:
    """Train from the last checkpoint to the end; raises torch.OutOfMemoryError."""
    resumed = any(isinstance(event, Started) for event in run.events())
    smaller = with_less_memory(recipe, 1) if memory_is_short else None
    if smaller is not None:
        recipe, _ = smaller
    work = prepare(recipe, run, on_event, watch)
    work = replace(work, passes=2 if memory_is_short else 1)
    if distributed.is_lead():
        run.recover_model()
    check_trainable(work)
    if work.split and distributed.is_lead():
        write_split(run, work.split)
    on_event(
        Started(
            recipe.method,
            work.labels,
            len(work.train),
            len(work.test),
            seen_clips=work.seen_test_clips,
            duplicate_clips=work.duplicate_test_clips,
            device=_devices(work.device),
            reject_label=recipe.reject_label,
            resumed=resumed,
            step=last_step(run) if resumed else None,
        )
    )
    tested, scores = _fit(work)
    evaluation = evaluate(work, tested, scores)
    accuracy, interval = (evaluation.accuracy, evaluation.interval) if evaluation else (None, None)
    on_event(Phase(phases.SAVING))
    save_model(work, accuracy, interval)
    seconds = earlier_seconds + watch.seconds
    window = recipe.window_seconds if has_fixed_window(work.model) else math.inf
    write_report(work, evaluation, seconds, answered_clips(work.labels, tested, scores, window))
    clips = evaluation.clips if evaluation else 0
    on_event(Finished(watch.outcome, accuracy, interval, clips, round(seconds, 2)))
    if watch.outcome == "done":  # a stopped run needs them to resume
        shutil.rmtree(run.checkpoints, ignore_errors=True)


def _fit(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train with the recipe's method; return the test clips and their scores (clips, classes)."""
    if work.recipe.method == "closed-form":
        return fit_instant(work)
    if work.recipe.method == "leave-one-out":
        return tune_last_layer(work)
    tested, scores = fine_tune(work)
    if not has_fixed_window(work.model):
        with suppress(Stopped):  # then the scores within the window are the result
            scores = model_probabilities(work, tested)
    return tested, scores


def _devices(device: str) -> str:
    """Return the device's name, with the number of processes if there are several."""
    several = f"{distributed.count()} × " if distributed.count() > 1 else ""
    return several + device_name(device)


def _earlier_seconds(run: RunDir) -> float:
    """Return the seconds of work in earlier sessions of a run, each from start to last event."""
    seconds, start, last = 0.0, None, 0.0
    for event in run.events():
        if isinstance(event, Started):
            seconds += last - start if start else 0.0
            start = event.time
        last = event.time
    return seconds + (last - start if start else 0.0)

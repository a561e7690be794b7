"""train(recipe, run, on_event): from a recipe to a checkpoint and a report, in plain sight."""

import functools
import gc
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from intent import distributed
from intent.audio.clip import clip_hash
from intent.audio.quality import flaw
from intent.data.dataset import clip_at, label_names, load_data, readable_clips, split
from intent.data.labelled_clip import LabelledClip
from intent.devices import best_device, device_name
from intent.errors import CheckpointError, DataError, RecipeError
from intent.models.encoders import has_mean_pooled_head, hears_fixed_window, load_base, trained_on
from intent.models.whisper_padding import mute_padding
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Finished, Phase, Skipped, Started
from intent.runs.report import answered_clips
from intent.training.context import ProgressMeter, Stopped, Watch, Work
from intent.training.gradient.fine_tuning import fine_tune
from intent.training.gradient.trainer import last_step
from intent.training.instant import fit_instant
from intent.training.leave_one_out.loss import LEAST_BATCH
from intent.training.leave_one_out.tune import tune_last_layer
from intent.training.out_of_memory import with_less_memory
from intent.training.outputs import (
    evaluate,
    model_probabilities,
    save_model,
    write_report,
)

if TYPE_CHECKING:
    from datasets import Dataset


def train(
    recipe: Recipe,
    run: RunDir,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool] = lambda: False,
    budget_seconds: float | None = None,
) -> None:
    """Train what a recipe asks for and leave `model/` and `report.json` in the run's directory.

    Emits Started to Finished. Ends early, keeping the best so far, when `should_stop` says so or
    after `budget_seconds`; called again, it goes on from the run's own checkpoints. Raises
    IntentError for what the user can mend. Where the accelerator's memory is too small, it says so
    and begins again once, behind its last checkpoint, with fewer clips at a time (`memory.py`).

    Several processes that a launcher bound together call it alike. What all of them do ends with
    gradients; then it raises `distributed.WorkerReleasedError` in all but the lead process.
    """
    if recipe.method == "closed-form":
        distributed.release_workers()
    watch, earlier_seconds = Watch(should_stop, budget_seconds), _earlier_seconds(run)
    told = run.history().halved  # in an earlier sitting
    while True:
        try:
            return _sit(recipe, run, on_event, watch, earlier_seconds, told is not None)
        except torch.OutOfMemoryError:
            if told or distributed.count() > 1 or not with_less_memory(recipe, 1):
                raise
        gc.collect()  # here, where the failure no longer holds what was computed
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        started = run.history().started
        _, told = with_less_memory(recipe, started.train_clips if started else recipe.batch_size)
        on_event(told)


def _sit(
    recipe: Recipe,
    run: RunDir,
    on_event: Callable[[Event], None],
    watch: Watch,
    earlier_seconds: float,
    memory_is_short: bool,
) -> None:
    """Train once through; raises torch.OutOfMemoryError where the accelerator's memory is short."""
    resumed = any(isinstance(event, Started) for event in run.events())
    if memory_is_short:
        recipe, _ = with_less_memory(recipe, 1)
    work = _prepare(recipe, run, on_event, watch)
    work = replace(work, passes=2 if memory_is_short else 1)
    if distributed.is_lead():
        run.recover_model()
    _check_learnable(work)
    on_event(
        Started(
            recipe.method,
            work.labels,
            len(work.train),
            len(work.test),
            seen_clips=work.seen_test_clips,
            device=_devices(work.device),
            resumed=resumed,
            step=last_step(run) if resumed else None,
        )
    )
    tested, scores = _learn(work)
    evaluation = evaluate(work, tested, scores)
    accuracy, interval = (evaluation.accuracy, evaluation.interval) if evaluation else (None, None)
    on_event(Phase("saving"))
    save_model(work, accuracy, interval)
    seconds = earlier_seconds + watch.seconds
    write_report(work, evaluation, seconds, answered_clips(work.labels, tested, scores))
    on_event(Finished(watch.outcome, accuracy, interval, len(tested), round(seconds, 2)))
    if watch.outcome == "done":  # and said to be: a run that goes on again needs them
        shutil.rmtree(run.checkpoints, ignore_errors=True)


def _learn(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train by the recipe's method; return the test clips heard and their scores (clips, classes)."""
    if work.recipe.method == "closed-form":
        return fit_instant(work)
    if work.recipe.method == "leave-one-out":
        return tune_last_layer(work)
    tested, scores = fine_tune(work)
    if not hears_fixed_window(work.model):
        with suppress(Stopped):  # what was heard of the window is known already
            scores = model_probabilities(work, tested)
    return tested, scores


def _prepare(recipe: Recipe, run: RunDir, on_event: Callable[[Event], None], watch: Watch) -> Work:
    """Read the data, hash its sounds, load the base, and leave out what must not be tested on."""
    device = best_device()

    def on_skip(name: str, reason: str) -> None:
        on_event(Skipped(name, reason))

    with distributed.lead_first():
        on_event(Phase("reading data"))
        data = load_data(recipe.data, recipe.locales, on_skip)
        parts = split(data, recipe.seed, recipe.test_share)
        labels = label_names(parts["train"])
        on_event(Phase("loading the base checkpoint"))
        model, extractor = load_base(
            recipe.base, labels, recipe.window_seconds, recipe.spec_augment, recipe.seed
        )
        if recipe.mute_padding and hears_fixed_window(model):
            on_event(Phase("muting the padding"))
            mute_padding(model.to(device), extractor, lambda: watch.verdict() != "done")
    on_event(Phase("reading audio"))
    meter = ProgressMeter(on_event, len(parts["train"]) + len(parts["test"]))
    test = _hash_clips(parts["test"], on_event, watch, meter, 0)
    train_clips = _hash_clips(parts["train"], on_event, watch, meter, len(parts["test"]))
    seen = trained_on(recipe.base)
    learnt = {*seen, *(clip.hash for clip in train_clips)}
    unseen = [clip for clip in test if clip.hash not in learnt]
    return Work(
        recipe,
        run,
        on_event,
        watch,
        model.to(device),
        extractor,
        device,
        train_clips,
        unseen,
        seen,
        seen_test_clips=len(test) - len(unseen),
    )


def _hash_clips(
    dataset: "Dataset",
    on_event: Callable[[Event], None],
    watch: Watch,
    meter: ProgressMeter,
    before: int,
) -> list[LabelledClip]:
    clips = []
    rows = dataset.remove_columns("audio")
    for index, clip in readable_clips(dataset, lambda *skip: on_event(Skipped(*skip))):
        row = rows[index]
        read = functools.partial(clip_at, dataset, index)
        clips.append(
            LabelledClip(
                row["name"],
                row["label"],
                row["locale"],
                row["transcription"],
                clip_hash(clip),
                read,
                flaw(clip),
            )
        )
        meter.show(before + index + 1, before + index + 1)
        if watch.must_end():
            break
    return clips


def _devices(device: str) -> str:
    several = f"{distributed.count()} × " if distributed.count() > 1 else ""
    return several + device_name(device)


def _check_learnable(work: Work) -> None:
    needs_closed_form = "closed-form" in (work.recipe.method, work.recipe.head)
    if needs_closed_form and not has_mean_pooled_head(work.model):
        raise CheckpointError(
            f"A {work.model.config.model_type} classifier has no head that can be solved in closed "
            "form: choose the Guide preset, or a Whisper, wav2vec2, HuBERT or WavLM base."
        )
    if work.recipe.method == "leave-one-out" and not hears_fixed_window(work.model):
        raise CheckpointError(
            f"leave-one-out teaches the last layer of a Whisper encoder, found a "
            f"{work.model.config.model_type} one: choose a Whisper base, or the method fine-tune."
        )
    if work.watch.must_end():
        return
    least = min(LEAST_BATCH, len(work.train))
    if work.recipe.method == "leave-one-out" and work.recipe.batch_size < least:
        raise RecipeError(
            "leave-one-out asks each recording of a head that is solved on the others of its batch: "
            f"batch_size must be at least {least} here, found {work.recipe.batch_size}: enlarge it."
        )
    if len({clip.label_id for clip in work.train}) < 2:
        raise DataError(
            "Clips of two intents at least are needed to learn from, found readable ones of "
            f"{len({clip.label_id for clip in work.train})}: add recordings or choose other data."
        )
    if not work.test:
        raise DataError(
            f"No test clip is left: {work.recipe.base} has learnt from all "
            f"{work.seen_test_clips} of them. Choose another base, or the seed it was made with."
        )


def _earlier_seconds(run: RunDir) -> float:
    """Seconds of work in earlier sittings of a run, each from its start to its last event."""
    seconds, start, last = 0.0, None, 0.0
    for event in run.events():
        if isinstance(event, Started):
            seconds += last - start if start else 0.0
            start = event.time
        last = event.time
    return seconds + (last - start if start else 0.0)

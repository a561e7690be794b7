"""Prepare a training: read the data, load the base, and check that they suit the recipe."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from intent import distributed
from intent.audio.clip import clip_hash
from intent.audio.quality import flaw
from intent.data.dataset import (
    clip_at,
    columns_of,
    label_names,
    load_data,
    readable_clips,
    split,
)
from intent.data.labelled_clip import LabelledClip
from intent.devices import best_device
from intent.errors import CheckpointError, DataError, RecipeError
from intent.models.encoders import has_fixed_window, has_mean_pooled_head, load_base, trained_on
from intent.models.whisper_padding import mute_padding
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Phase, Skipped
from intent.training import phases
from intent.training.context import ProgressMeter, Watch, Work
from intent.training.leave_one_out.loss import MIN_BATCH

if TYPE_CHECKING:
    from datasets import Dataset


def prepare(recipe: Recipe, run: RunDir, on_event: Callable[[Event], None], watch: Watch) -> Work:
    """Load data and base, hash the clips, and leave clips seen in training out of the test set."""
    device = best_device()

    def on_skip(name: str, reason: str) -> None:
        on_event(Skipped(name, reason))

    with distributed.lead_first():
        on_event(Phase(phases.LOADING_DATA))
        data = load_data(recipe.data, recipe.locales, on_skip, columns_of(recipe))
        parts = split(data, recipe.seed, recipe.test_share)
        labels = label_names(parts["train"])
        on_event(Phase(phases.LOADING_BASE))
        model, extractor = load_base(
            recipe.base, labels, recipe.window_seconds, recipe.spec_augment, recipe.seed
        )
        model.to(device)  # type: ignore[arg-type]  # transformers' decorator drops the signature
        if recipe.mute_padding and has_fixed_window(model):
            on_event(Phase(phases.MUTING_PADDING))
            mute_padding(model, extractor, lambda: watch.outcome_now() != "done")
    on_event(Phase(phases.READING_AUDIO))
    meter = ProgressMeter(on_event, len(parts["train"]) + len(parts["test"]))
    test = _hash_clips(parts["test"], on_event, watch, meter, 0)
    train_clips = _hash_clips(parts["train"], on_event, watch, meter, len(parts["test"]))
    seen = trained_on(recipe.base)
    trained_on_hashes = {*seen, *(clip.hash for clip in train_clips)}
    unseen = [clip for clip in test if clip.hash not in trained_on_hashes]
    return Work(
        recipe,
        run,
        on_event,
        watch,
        model,
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
    """Read and hash the clips of a data set, reporting unreadable ones, until training must end."""
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


def check_trainable(work: Work) -> None:
    """Raise IntentError if the model or the clips do not suit the recipe's method."""
    needs_closed_form = "closed-form" in (work.recipe.method, work.recipe.head)
    if needs_closed_form and not has_mean_pooled_head(work.model):
        raise CheckpointError(
            f"The head of a {work.model.config.model_type} classifier cannot be fitted in closed "
            "form: choose the Guide preset, or a Whisper, wav2vec2, HuBERT or WavLM base."
        )
    if work.recipe.method == "leave-one-out" and not has_fixed_window(work.model):
        raise CheckpointError(
            "leave-one-out fine-tunes the last layer of a Whisper encoder, found a "
            f"{work.model.config.model_type} one: choose a Whisper base, or the method fine-tune."
        )
    if work.watch.must_end():
        return
    least = min(MIN_BATCH, len(work.train))
    if work.recipe.method == "leave-one-out" and work.recipe.batch_size < least:
        raise RecipeError(
            "leave-one-out classifies each clip with a head fitted on the others of its batch: "
            f"batch_size must be at least {least} here, found {work.recipe.batch_size}: increase it."
        )
    intents = len({clip.label_id for clip in work.train})
    if intents < 2:
        raise DataError(
            "The training set must have readable clips of at least two intents, found "
            f"{intents}: add recordings or choose other data."
        )
    if not work.test:
        raise DataError(
            f"No test clip is left: {work.recipe.base} was trained on all "
            f"{work.seen_test_clips} of them. Choose another base, or the seed it was trained with."
        )

"""Prepare training: read the data, load the base, and check that they fit the recipe."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intent import distributed
from intent.audio.clip import Clip, clip_hash
from intent.audio.quality import flaw
from intent.checkpoints.provenance import sentence_hash
from intent.data.dataset import (
    check_reject_label,
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
from intent.models.encoders import (
    has_fixed_window,
    has_mean_pooled_head,
    left_out_of,
    load_base,
    sentences_of,
    trained_on,
)
from intent.models.whisper_padding import mute_padding
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Notice, Phase, Skipped
from intent.runs.kept_split import KeptSplit
from intent.training import phases
from intent.training.context import ProgressMeter, Watch, Work
from intent.training.features import cached_speech, speech_cache
from intent.training.leave_one_out.loss import MIN_BATCH
from intent.training.parallel import in_parallel
from intent.training.resumed_split import (
    Earlier,
    check_not_trained_on,
    check_same_labels,
    earlier_sessions,
    kept_split,
    restore,
)

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


def prepare(recipe: Recipe, run: RunDir, on_event: Callable[[Event], None], watch: Watch) -> Work:
    """Load data and base, hash the clips, and leave clips seen in training out of the test set.

    A resumed run keeps its original split. Raises RunError if that is impossible because its data
    set has changed.
    """
    device, earlier = best_device(), earlier_sessions(run)
    with distributed.lead_first():
        on_event(Phase(phases.LOADING_DATA))
        data = load_data(
            recipe.data,
            recipe.locales,
            lambda *skip: on_event(Skipped(*skip)),
            columns_of(recipe),
        )
        parts = split(data, recipe.seed, recipe.test_share)
        labels = label_names(parts["train"])
        check_same_labels(earlier, labels)
        check_reject_label(recipe, labels)
        on_event(Phase(phases.LOADING_BASE))
        model, extractor = load_base(
            recipe.base,
            labels,
            recipe.window_seconds,
            recipe.spec_augment,
            recipe.seed,
            recipe.reject_label,
        )
        if left_out := left_out_of(recipe.base):
            on_event(Notice(left_out))
        model.to(device)  # type: ignore[arg-type]  # transformers' decorator drops the signature
        if recipe.mute_padding and has_fixed_window(model):
            on_event(Phase(phases.MUTING_PADDING))
            mute_padding(model, extractor, lambda: watch.outcome_now() != "done")
    of_base, sentences = frozenset(trained_on(recipe.base)), frozenset(sentences_of(recipe.base))
    clips = _read_parts(parts, labels, earlier, of_base, sentences, on_event, watch)
    seen = tuple({*of_base, *earlier.trained_on})
    return Work(
        recipe,
        run,
        on_event,
        watch,
        model,
        extractor,
        device,
        clips.train,
        clips.test,
        seen,
        clips.of_base,
        clips.duplicates,
        clips.kept,
        tuple(sorted({*sentences, *_synthetic_sentences(clips.train)})),
    )


@dataclass(frozen=True)
class _Clips:
    """The clips to train and test on, and how many test clips were left out."""

    train: list[LabelledClip]
    test: list[LabelledClip]
    of_base: int  # test clips that the base was trained on
    duplicates: int  # test clips that are in the training set too
    kept: KeptSplit | None


def _read_parts(
    parts: "DatasetDict",
    labels: tuple[str, ...],
    earlier: Earlier,
    of_base: frozenset[str],
    sentences: frozenset[str],
    on_event: Callable[[Event], None],
    watch: Watch,
) -> _Clips:
    """Read both splits, and leave training clips out of the test set.

    Also clips with the sentence of a synthetic training clip, which any voice may say.
    """
    on_event(Phase(phases.READING_AUDIO))
    meter = ProgressMeter(on_event, len(parts["train"]) + len(parts["test"]))
    test = _hash_clips(parts["test"], on_event, watch, meter, 0)
    train = _hash_clips(parts["train"], on_event, watch, meter, len(parts["test"]))
    all_read = not watch.must_end()
    train_hashes = frozenset(clip.hash for clip in train)
    if earlier.split:
        # A clip that was not read yet is not missing.
        on_change = (lambda *change: on_event(Skipped(*change))) if all_read else _ignore
        train, test = restore(earlier.split, [*train, *test], on_change)
        train_hashes = earlier.trained_on
    unseen = _without(test, of_base, sentences)
    tested = _without(unseen, train_hashes, _synthetic_sentences(train))
    if all_read:
        check_not_trained_on(earlier, of_base, len(train), tested)
    kept = earlier.split or (kept_split(labels, train, test) if all_read else None)
    return _Clips(train, tested, len(test) - len(unseen), len(unseen) - len(tested), kept)


def _without(
    clips: Sequence[LabelledClip], hashes: frozenset[str], sentences: frozenset[str]
) -> list[LabelledClip]:
    """Return the clips that have none of these hashes and none of these sentences."""
    return [
        clip
        for clip in clips
        if clip.hash not in hashes and sentence_hash(clip.transcription) not in sentences
    ]


def _synthetic_sentences(clips: Sequence[LabelledClip]) -> frozenset[str]:
    """Return the hashes of the sentences of synthetic clips."""
    said = {sentence_hash(clip.transcription) for clip in clips if clip.synthetic}
    return frozenset(said - {""})


def _ignore(name: str, reason: str) -> None:
    """Do nothing: ignore a clip."""


def _hash_clips(
    dataset: "Dataset",
    on_event: Callable[[Event], None],
    watch: Watch,
    meter: ProgressMeter,
    before: int,
) -> list[LabelledClip]:
    """Read and hash the clips of a data set and detect their speech, until training must end.

    Unreadable clips are reported.
    """
    clips, speech = [], speech_cache()
    rows = dataset.remove_columns("audio")

    def labelled(found: tuple[int, Clip]) -> tuple[int, LabelledClip]:
        index, clip = found
        row, sound_hash = rows[index], clip_hash(clip)
        return index, LabelledClip(
            row["name"],
            row["label"],
            row["locale"],
            row["transcription"],
            sound_hash,
            functools.partial(clip_at, dataset, index),
            flaw(clip),
            clip.seconds,
            cached_speech(clip, sound_hash, speech),
            row["synthetic"],
        )

    readable = readable_clips(dataset, lambda *skip: on_event(Skipped(*skip)))
    for index, clip in in_parallel(labelled, readable):
        clips.append(clip)
        meter.show(before + index + 1, before + index + 1)
        if watch.must_end():
            break
    return clips


def check_trainable(work: Work) -> None:
    """Raise IntentError if the model or the clips do not fit the recipe's method."""
    needs_closed_form = "closed-form" in (work.recipe.method, work.recipe.head)
    if needs_closed_form and not has_mean_pooled_head(work.model):
        raise CheckpointError(
            f"The head of a {work.model.config.model_type} classifier cannot be fitted in closed "
            "form: choose the Guide recipe, or a Whisper, wav2vec2, HuBERT or WavLM base model."
        )
    if work.recipe.method == "leave-one-out" and not has_fixed_window(work.model):
        raise CheckpointError(
            "leave-one-out fine-tunes the last layer of a Whisper encoder, but the base model is "
            f"{work.model.config.model_type}: choose a Whisper base model, or the method fine-tune."
        )
    if work.watch.must_end():
        return
    least = min(MIN_BATCH, len(work.train))
    if work.recipe.method == "leave-one-out" and work.recipe.batch_size < least:
        raise RecipeError(
            "leave-one-out classifies each recording with a head fitted on the rest of its batch: "
            f"batch_size must be at least {least} here, but is {work.recipe.batch_size}."
        )
    intents = len({clip.label_id for clip in work.train})
    if intents < 2:
        raise DataError(
            "The training set must have readable recordings of at least two intents, but has "
            f"{intents}: add recordings or choose another data set."
        )
    if all(clip.label_id == work.reject_id for clip in work.test):
        raise DataError(_no_test_clip(work))


def _no_test_clip(work: Work) -> str:
    """Return the message for an empty test set, with every reason that applies."""
    reasons, advice = [], []
    if work.seen_test_clips:
        reasons.append(f"{work.recipe.base} was trained on {_clips(work.seen_test_clips)}")
        advice.append("another base model or the seed it was trained with")
    if work.duplicate_test_clips:
        duplicates = _clips(work.duplicate_test_clips)
        reasons.append(f"the training set also contains {duplicates}")
        advice.append("data without duplicates")
    if not reasons:
        return "No readable test recording is left: add recordings or choose another data set."
    return f"No test recording is left: {' and '.join(reasons)}. Choose {' or '.join(advice)}."


def _clips(count: int) -> str:
    return f"{count} test recording{'' if count == 1 else 's'}"

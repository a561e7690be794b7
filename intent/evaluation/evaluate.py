"""How well a checkpoint hears a data set, without the clips that it was trained on."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from intent.audio.clip import Clip, clip_hash
from intent.checkpoints.provenance import read_provenance
from intent.checkpoints.resolve import describe, resolve, shown_name
from intent.data.dataset import label_names, load_data, readable_clips, split
from intent.errors import CheckpointError, DataError
from intent.evaluation.metrics import Evaluation, interval, score
from intent.models.classifier import Loaded, loaded, model_input

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

    from intent.evaluation.accuracy_metric import AccuracyMetric

__all__ = ["AccuracyMetric", "Evaluation", "Part", "evaluate_checkpoint", "interval", "score"]

Part = Literal["test", "train", "all"]

BATCH_SIZE = 8  # clips a forward pass, where the model's window makes all inputs equally long


@dataclass
class _Found:
    """What became of each clip of a data set while they were read."""

    trained_on: frozenset[str]  # clip hashes
    include_seen: bool
    rows: list[int] = field(default_factory=list)  # those that were heard
    seen: list[bool] = field(default_factory=list)  # of each of these: was it trained on?
    left_out: int = 0  # trained on, and not heard
    skipped: list[str] = field(default_factory=list)  # names of those that could not be read


def evaluate_checkpoint(
    checkpoint: str,
    data: str,
    locales: Sequence[str] = ("en-US",),
    part: Part = "test",
    seed: int = 42,
    include_seen: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Return how well a checkpoint hears a part of a data set, through the stock pipeline.

    Clips that the checkpoint was trained on (by its provenance, its base's included) are counted,
    but not tested on; with include_seen they get a figure of their own, `seen_figure`.
    data, locales and seed are those of `load_data` and `split`; on_progress gets the number of
    clips done and of all. Raises CheckpointError (its labels are not the data set's, too) and
    DataError.
    """
    not_read: list[str] = []
    loaded_data = load_data(data, locales, lambda name, reason: not_read.append(name))
    dataset = _part(loaded_data, part, seed)
    labels = describe(checkpoint).labels
    names = label_names(dataset)
    _check_same_labels(checkpoint, labels, names)
    provenance = read_provenance(resolve(checkpoint))
    found = _Found(frozenset(provenance.trained_on if provenance else ()), include_seen)
    clips = _clips_to_hear(dataset, found, on_progress)
    probabilities = list(_predict(loaded(checkpoint), labels, clips))  # (n, labels)
    texts = dataset.select_columns(["label", "name", "transcription", "locale"])[:]
    evaluation = score(
        labels=labels,
        true_ids=np.array([labels.index(names[texts["label"][row]]) for row in found.rows], int),
        probabilities=np.array(probabilities).reshape(len(found.rows), len(labels)),
        clip_names=[texts["name"][row] for row in found.rows],
        transcriptions=[texts["transcription"][row] for row in found.rows],
        locales=[texts["locale"][row] for row in found.rows],
        seen=found.seen,
    )
    return dataclasses.replace(
        evaluation,
        seen_in_training=evaluation.seen_in_training + found.left_out,
        skipped=(*not_read, *found.skipped),
    )


def _clips_to_hear(
    dataset: "Dataset", found: _Found, on_progress: Callable[[int, int], None] | None
) -> Iterator[Clip]:
    """Yield the clips to test on, and write down in `found` what became of each."""
    for row, clip in readable_clips(dataset, lambda name, reason: found.skipped.append(name)):
        is_seen = clip_hash(clip) in found.trained_on
        if is_seen and not found.include_seen:
            found.left_out += 1
        else:
            found.rows.append(row)
            found.seen.append(is_seen)
            yield clip
        if on_progress:
            on_progress(len(found.rows) + found.left_out + len(found.skipped), len(dataset))


def _part(data: "DatasetDict", part: Part, seed: int) -> "Dataset":
    from datasets import concatenate_datasets

    if part == "all":
        return concatenate_datasets(list(data.values()))
    if part not in ("test", "train"):
        raise DataError(f"The part should be test, train or all, found {part!r}: choose one.")
    return split(data, seed)[part]


def _check_same_labels(checkpoint: str, labels: Sequence[str], names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in labels]
    absent = [label for label in labels if label not in names]
    if not unknown and not absent:
        return
    differences = [
        f"{what} {', '.join(some[:5])}{' and others' if len(some) > 5 else ''}"
        for what, some in (("it does not know", unknown), ("the data set does not have", absent))
        if some
    ]
    raise CheckpointError(
        f"{shown_name(checkpoint)} has other labels than the data set: "
        f"{'; '.join(differences)}. Choose a checkpoint that was trained on these labels."
    )


def _predict(model: Loaded, labels: Sequence[str], clips: Iterator[Clip]) -> Iterator[np.ndarray]:
    """Yield each clip's scores (labels,) in label order.

    Inputs of several lengths go one by one: padded to one length, they would be heard differently.
    """
    batch_size = BATCH_SIZE if model.window_seconds else 1
    batch: list[np.ndarray] = []
    for clip in clips:
        batch.append(model_input(clip, model))
        if len(batch) == batch_size:
            yield from _hear(model, labels, batch)
            batch = []
    if batch:
        yield from _hear(model, labels, batch)


def _hear(model: Loaded, labels: Sequence[str], batch: list[np.ndarray]) -> Iterator[np.ndarray]:
    for answers in model.pipeline(batch, batch_size=len(batch), top_k=None):
        score_of = {answer["label"]: answer["score"] for answer in answers}
        yield np.array([score_of[label] for label in labels])


def __getattr__(name: str) -> object:
    """AccuracyMetric is imported when it is asked for: `evaluate` takes seconds to import."""
    if name == "AccuracyMetric":
        from intent.evaluation.accuracy_metric import AccuracyMetric

        return AccuracyMetric
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Evaluate a checkpoint on a data set, without the clips that it was trained on."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from intent.audio.clip import Clip, clip_hash
from intent.checkpoints.provenance import read_provenance, sentence_hash
from intent.checkpoints.resolve import describe, resolve, shown_name
from intent.data.dataset import label_names, load_data, readable_clips, split
from intent.data.schema import NO_COLUMNS, Columns
from intent.errors import CheckpointError, DataError
from intent.evaluation.label_match import LabelMatch, match_labels
from intent.evaluation.metrics import Evaluation, score
from intent.models.classifier import heard_part, predict_all
from intent.models.loading import Loaded, loaded

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

Part = Literal["test", "train", "all"]

AT_ONCE = 64  # clips in memory: those of one length share forward passes


@dataclass
class _Selection:
    """Clips selected for evaluation, collected while a data set is read."""

    trained_on: frozenset[str]  # clip hashes
    sentences: frozenset[str]  # hashes of sentences of synthetic clips that it was trained on
    include_seen: bool
    rows: list[int] = field(default_factory=list)  # of the evaluated clips
    seen: list[bool] = field(default_factory=list)  # for each of these, whether it was trained on
    left_out: int = 0  # clips trained on, not evaluated
    skipped: list[str] = field(default_factory=list)  # names of unreadable clips


def evaluate_checkpoint(
    checkpoint: str,
    data: str,
    locales: Sequence[str] = ("en-US",),
    part: Part = "test",
    seed: int = 42,
    include_seen: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    columns: Columns = NO_COLUMNS,
) -> Evaluation:
    """Evaluate a checkpoint on one split of a data set, with the scores that `classify` returns.

    Clips that the checkpoint or its base was trained on, by its provenance file, are counted but
    not evaluated, nor are clips with the sentence of a synthetic clip that it was trained on; with
    `include_seen` their accuracy is reported separately as `seen_figure`.
    `data`, `locales`, `columns` and `seed` are passed to `load_data` and `split`; `on_progress`
    receives the number of clips done and of all clips. The data set may have only some of the
    checkpoint's labels, and may spell them with different case and separators; `absent` and
    `renamed` list them. Clips with the checkpoint's reject label count for `rejection`, not for the
    accuracy. Raises DataError and CheckpointError, also for clips with a label that the checkpoint
    does not have.
    """
    not_used: list[str] = []
    loaded_data = load_data(data, locales, lambda name, reason: not_used.append(reason), columns)
    dataset = _part(loaded_data, part, seed)
    info = describe(checkpoint)
    labels = info.labels
    match = _matched_labels(checkpoint, labels, dataset)
    provenance = read_provenance(resolve(checkpoint))
    trained_on = frozenset(provenance.trained_on if provenance else ())
    sentences = frozenset(provenance.sentences if provenance else ())
    selection = _Selection(trained_on, sentences, include_seen)
    clips = _select_clips(dataset, selection, on_progress)
    probabilities = list(_predict(loaded(checkpoint), labels, clips))  # (n, labels)
    texts = dataset.select_columns(["label", "name", "transcription", "locale"])[:]
    names = label_names(dataset)
    true = [match.matched[names[texts["label"][row]]] for row in selection.rows]
    evaluation = score(
        labels=labels,
        true_ids=np.array([labels.index(label) for label in true], int),
        probabilities=np.array(probabilities).reshape(len(selection.rows), len(labels)),
        clip_names=[texts["name"][row] for row in selection.rows],
        transcriptions=[texts["transcription"][row] for row in selection.rows],
        locales=[texts["locale"][row] for row in selection.rows],
        seen=selection.seen,
        reject_label=info.reject_label,
    )
    return dataclasses.replace(
        evaluation,
        seen_in_training=evaluation.seen_in_training + selection.left_out,
        skipped=tuple(selection.skipped),
        not_used=tuple(not_used),
        renamed=match.renamed,
        absent=tuple(label for label in match.absent if label != info.reject_label),
    )


def _select_clips(
    dataset: "Dataset", selection: _Selection, on_progress: Callable[[int, int], None] | None
) -> Iterator[Clip]:
    """Yield the clips to evaluate, and record them in `selection`."""
    said = dataset["transcription"][:]
    for row, clip in readable_clips(dataset, lambda name, reason: selection.skipped.append(name)):
        is_seen = (
            clip_hash(clip) in selection.trained_on
            or sentence_hash(said[row]) in selection.sentences
        )
        if is_seen and not selection.include_seen:
            selection.left_out += 1
        else:
            selection.rows.append(row)
            selection.seen.append(is_seen)
            yield clip
        if on_progress:
            on_progress(
                len(selection.rows) + selection.left_out + len(selection.skipped), len(dataset)
            )


def _part(data: "DatasetDict", part: Part, seed: int) -> "Dataset":
    from datasets import concatenate_datasets

    if part == "all":
        return concatenate_datasets(list(data.values()))
    if part not in ("test", "train"):
        raise DataError(f"The split must be test, train or all, but is {part!r}.")
    return split(data, seed)[part]


def _matched_labels(checkpoint: str, labels: Sequence[str], dataset: "Dataset") -> LabelMatch:
    """Match the labels of the clips; raises CheckpointError for one the checkpoint does not have."""
    names = label_names(dataset)
    used = sorted(set(dataset["label"][:]))
    match = match_labels([names[label] for label in used], labels)
    if not match.unknown:
        return match
    differences = [
        f"{what} {', '.join(some[:5])}{' and others' if len(some) > 5 else ''}"
        for what, some in (
            ("missing from the checkpoint:", match.unknown),
            ("missing from the data set:", match.absent),
        )
        if some
    ]
    raise CheckpointError(
        f"{shown_name(checkpoint)} has other labels than the data set: "
        f"{'; '.join(differences)}. Choose a checkpoint that was trained on these labels."
    )


def _predict(model: Loaded, labels: Sequence[str], clips: Iterator[Clip]) -> Iterator[np.ndarray]:
    """Yield the scores (labels,) of each clip in label order."""
    sounds = (heard_part(model, clip)[1] for clip in clips)
    while some := list(islice(sounds, AT_ONCE)):
        for scores in predict_all(model, some):
            score_of = {score.label: score.score for score in scores}
            yield np.array([score_of[label] for label in labels])

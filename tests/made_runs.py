"""Runs on the bundled sample with given results, written as training writes them."""

import functools
import json
import shutil
from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np

from intent.audio.clip import clip_hash
from intent.data.dataset import clip_at, label_names, load_data
from intent.data.labelled_clip import LabelledClip
from intent.evaluation.metrics import score
from intent.paths import BUNDLED_CHECKPOINT
from intent.recipes import change, preset
from intent.runs.directory import RunDir
from intent.runs.events import EvalPoint, Event, Finished, Phase, Started, TrainPoint
from intent.runs.report import answered_clips, to_json
from intent.runs.store import create_run


@functools.cache
def sample_clips() -> tuple[tuple[str, ...], tuple[LabelledClip, ...]]:
    """The labels of the bundled sample, and its test clips."""
    dataset = load_data("sample")["test"]
    rows = dataset.remove_columns("audio")
    clips = []
    for index, row in enumerate(rows):
        read = partial(clip_at, dataset, index)
        clips.append(
            LabelledClip(
                row["name"],
                row["label"],
                row["locale"],
                row["transcription"],
                clip_hash(read()),
                read,
            )
        )
    return label_names(dataset), tuple(clips)


def scores_with(wrong: Collection[int]) -> np.ndarray:
    """Scores (clips, labels) that are right but for the clips of these numbers, each less sure."""
    labels, clips = sample_clips()
    rows = np.full((len(clips), len(labels)), 0.02)
    for number, clip in enumerate(clips):
        label = (clip.label_id + (number in wrong)) % len(labels)
        rows[number, label] = 0.98 - 0.01 * number
    return rows / rows.sum(axis=1, keepdims=True)


def make_run(
    runs: Path,
    wrong: Collection[int] = (),
    flaws: dict[int, str] | None = None,
    preset_name: str = "guide",
    with_model: bool = False,
    ends: bool = True,
    **changes: object,
) -> RunDir:
    """Write a run that misclassified these test clips and flagged these as flawed."""
    recipe = change(preset(preset_name), {"data": "sample", "epochs": 4, **changes})
    run = create_run(runs, recipe)
    labels, clips = sample_clips()
    scores = scores_with(wrong)
    figures = score(
        labels,
        np.array([clip.label_id for clip in clips]),
        scores,
        [clip.name for clip in clips],
        [clip.transcription for clip in clips],
        [clip.locale for clip in clips],
    )
    happened: list[Event] = [Started(recipe.method, labels, 168, len(clips), 0, "CPU, 2 threads")]
    for epoch in range(1, 5):
        share = figures.accuracy * epoch / 4
        happened.append(TrainPoint(epoch * 5, epoch - 0.5, 2.6 / epoch, share))
        happened.append(
            EvalPoint(share, 2.5 / epoch, step=epoch * 5, epoch=epoch, clips=epoch * 42)
        )
    happened.append(Phase("Saving"))
    if ends:
        happened.append(Finished("done", figures.accuracy, figures.interval, len(clips), 93.0))
        answers = to_json(answered_clips(labels, clips, scores))
        for number, flaw in (flaws or {}).items():
            answers[number]["flaw"] = flaw
        report = {"evaluation": figures.to_dict(), "clips": answers}
        run.report_file.write_text(json.dumps(report), encoding="utf-8")
    for event in happened:
        run.append(event)
    if with_model:
        shutil.copytree(BUNDLED_CHECKPOINT, run.model)
    return run

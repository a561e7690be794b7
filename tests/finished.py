"""A finished run to share: a tiny checkpoint with the report, events and provenance of one."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intent.checkpoints.provenance import Provenance, write_provenance
from intent.evaluation.metrics import score
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import EvalPoint, Finished, Started
from intent.runs.store import create_run
from tests import tiny

TRUE = [0, 0, 0, 1, 1, 2]
HEARD = [0, 0, 1, 1, 1, 2]  # one of six wrongly


def finished_run(
    runs: Path,
    recipe: Recipe,
    locales: Sequence[str] = ("en-US",) * 6,
    wav2vec2: bool = False,
    outcome: str = "done",
) -> RunDir:
    """Write a run that classified five of six test clips correctly, and return it."""
    run = create_run(runs, recipe)
    (tiny.tiny_wav2vec2 if wav2vec2 else tiny.tiny_whisper)(run.model)
    figures = score(
        labels=tiny.LABELS,
        true_ids=np.array(TRUE),
        probabilities=np.eye(3)[HEARD] * 0.7 + 0.1,
        clip_names=[f"clip {n}" for n in range(6)],
        transcriptions=["a secret that somebody said"] * 6,
        locales=locales,
        reject_label=recipe.reject_label or None,
    )
    provenance = Provenance(
        base=recipe.base,
        preset=recipe.preset,
        data=recipe.data,
        locales=recipe.locales,
        seed=recipe.seed,
        accuracy=figures.accuracy,
        interval=figures.interval,
        test_clips=figures.clips,
        trained_on=("0" * 64,),
    )
    write_provenance(run.model, provenance)
    report = {
        "recipe": dataclasses.asdict(recipe),
        "outcome": outcome,
        "seconds": 12.3,
        "device": "cpu",
        "train_clips": 24,
        "speech_part": True,
        "evaluation": figures.to_dict(),
    }
    run.report_file.write_text(json.dumps(report), encoding="utf-8")
    run.append(Started(recipe.method, tiny.LABELS, 24, 6, 0, "CPU"))
    for epoch in (1, 2):
        run.append(EvalPoint(0.4 * epoch, 1 / epoch, step=epoch, epoch=float(epoch)))
    run.append(Finished(outcome, figures.accuracy, figures.interval, figures.clips, 12.3))
    return run

"""Write the results of a run: its checkpoint, moved into place atomically, and its report."""

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence

import numpy as np
import torch

from intent.audio.clip import resample
from intent.checkpoints.provenance import Provenance, write_provenance
from intent.data.labelled_clip import LabelledClip
from intent.evaluation.metrics import Evaluation, score
from intent.paths import sync, sync_all, written_whole
from intent.runs.events import Phase, Saved
from intent.runs.report import AnsweredClip, to_json
from intent.training import phases
from intent.training.context import ProgressMeter, Work


def save_model(work: Work, accuracy: float | None, interval: tuple[float, float] | None) -> None:
    """Write the classifier beside the run's `model/`, then move it there.

    Readers find the old or the new checkpoint, never an incomplete one; for a moment between
    the two moves, there is none.
    """
    recipe, run, new = work.recipe, work.run, work.run.new_model
    shutil.rmtree(new, ignore_errors=True)
    work.model.save_pretrained(new)
    work.extractor.save_pretrained(new)
    trained_on = tuple(sorted({*work.seen, *(clip.hash for clip in work.train)}))
    write_provenance(
        new,
        Provenance(
            base=recipe.base,
            preset=recipe.preset,
            data=recipe.data,
            locales=recipe.locales,
            seed=recipe.seed,
            accuracy=accuracy,
            interval=interval,
            test_clips=sum(clip.label_id != work.reject_id for clip in work.test),
            trained_on=trained_on,
            sentences=work.seen_sentences,
        ),
    )
    sync_all(new)  # so that a power loss cannot leave an incomplete checkpoint in place
    run.recover_model()
    shutil.rmtree(run.old_model, ignore_errors=True)
    if run.model.exists():
        os.replace(run.model, run.old_model)
    os.replace(new, run.model)
    sync(run.path)
    shutil.rmtree(run.old_model, ignore_errors=True)
    if accuracy is not None:
        work.emit(Saved(accuracy))


def evaluate(work: Work, clips: list[LabelledClip], probabilities: np.ndarray) -> Evaluation | None:
    """Return the metrics of scores (clips, classes) on test clips; None if there are no clips."""
    if not clips:
        return None
    return score(
        labels=work.labels,
        true_ids=np.array([clip.label_id for clip in clips]),
        probabilities=probabilities,
        clip_names=[clip.name for clip in clips],
        transcriptions=[clip.transcription for clip in clips],
        locales=[clip.locale for clip in clips],
        reject_label=None if work.reject_id is None else work.labels[work.reject_id],
    )


def write_report(
    work: Work, evaluation: Evaluation | None, seconds: float, clips: Sequence[AnsweredClip]
) -> None:
    """Write the metrics and the prediction for each test clip into the run's report, atomically."""
    report = {
        "recipe": dataclasses.asdict(work.recipe),
        "outcome": work.watch.outcome,
        "seconds": round(seconds, 2),
        "device": work.device,
        "train_clips": len(work.train),
        "speech_part": True,  # of each recording, train and test: earlier versions used it as it is
        "evaluation": evaluation.to_dict() if evaluation else None,
        "clips": to_json(clips),
    }
    with written_whole(work.run.report_file, durable=True) as file:
        file.write(json.dumps(report, indent=1).encode())


@torch.inference_mode()
def model_probabilities(
    work: Work, clips: Sequence[LabelledClip], may_stop: bool = True
) -> np.ndarray:
    """Return the model's scores (clips, classes), those of the stock pipeline.

    For an encoder without a fixed window: `classify` gives it the whole part with speech, even if it
    was trained on a shorter window. Raises Stopped if training must end, unless `may_stop` is false.
    """
    work.emit(Phase(phases.EVALUATING))
    model, meter = work.model.eval(), ProgressMeter(work.emit, len(clips))
    rows = np.zeros((len(clips), len(work.labels)))
    for row, clip in enumerate(clips):
        if may_stop:
            work.watch.check()
        sound = resample(clip.read_part(), work.extractor.sampling_rate)
        inputs = work.extractor(
            sound.samples, sampling_rate=sound.sample_rate, return_tensors="pt"
        ).to(model.device)
        rows[row] = model(**inputs).logits[0].float().softmax(-1).cpu().numpy()
        meter.show(row + 1, row + 1)
    return rows

"""The last layer learns: its feed-forward network, by Trainer, under heads solved without the clip.

All below it is frozen and heard once. Each epoch sees other frames of another copy of each clip, and
the loss of `leave_one_out`; every few epochs the head is solved on all training clips and tested.
"""

import copy
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.models.linear_head import (
    Head,
    calibrated,
    fit_linear_head,
    install_head,
    logits_of,
    temperature,
    tempered,
)
from intent.paths import written_whole
from intent.runs.events import EvalPoint, Phase
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.features import FeatureCache, feature_files
from intent.training.gradient.callbacks import Rehearsal, Reporter
from intent.training.gradient.trainer import (
    LiveTrainer,
    Seal,
    earlier_best,
    last_checkpoint,
    load_best,
    on_one_device,
)
from intent.training.held_out import HeldOut
from intent.training.leave_one_out.frames import DrawnFrames, batched
from intent.training.leave_one_out.loss import FOLDS, TESTS, LeaveOneOut, optimizer_for
from intent.training.outputs import save_model
from intent.training.pooling import below_last_network, pool

TEMPERATURE_FILE = "temperature.json"
FRAMES_AT_ONCE = 8192  # through the network when a head is solved


def tune_last_layer(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train, leave the weights to keep in the model, and return test clips and their scores.

    Scores are (clips, classes). The best checkpoint so far lies in the run's `model/` at all times.
    """
    tuner = _Tuner(work)
    try:
        tuner.held_out.hear()
        tuner.hear_train()
        distributed.release_workers()  # the batch is the regression itself: it is not divided
        if last_checkpoint(work.run) is None:
            tuner.test(0, copies=1)
        tuner.rehearse()
        tuner.train()
        scores = tuner.test(work.recipe.epochs, work.recipe.copies + 1)
    except Stopped:
        distributed.release_workers()
        scores = None
    if tuner.best_accuracy is not None and (work.recipe.keep_best or work.watch.must_end()):
        load_best(work)
        scores = None
    if scores is None:
        scores = tuner.held_out.probabilities(may_stop=False)
    return tuner.held_out.clips, scores


class _Tuner(TrainerCallback):
    """The features, the feed-forward network, and Trainer around them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.held_out = HeldOut(work)
        self.learning = LeaveOneOut(work.model, work.passes)
        self.files: list[list[Path]] = []
        self.ids: list[int] = []
        self.best_accuracy = earlier_best(work)
        self.temperature = 1.0
        self.every = max(1, round(work.recipe.epochs / TESTS))

    def hear_train(self) -> None:
        """Compute what the feed-forward network gets of all clips, or take it from the cache."""
        work = self.work
        work.emit(Phase("computing features"))
        meter = ProgressMeter(work.emit, len(work.train))
        front_end = below_last_network(work)
        cache = FeatureCache(front_end.key())
        for index, files in feature_files(front_end, work.train, work.recipe.copies, cache):
            self.files.append(files)
            self.ids.append(work.train[index].label_id)
            meter.show(index + 1, index + 1)
            work.watch.check()

    def rehearse(self) -> None:
        """Learn without a fifth of the clips, find the temperature that suits them, and forget.

        What has learnt from a clip is too sure of it, so that only clips left out can tell.
        """
        work, file = self.work, self.work.run.checkpoints / TEMPERATURE_FILE
        if file.exists():
            self.temperature = json.loads(file.read_text(encoding="utf-8"))
            return
        learnt, left_out = _without_a_fifth(self.ids, work.recipe.seed)
        if not len(left_out):
            return
        before = copy.deepcopy(self.learning.state_dict())
        work.emit(Phase("rehearsing, to calibrate the scores"))
        self._trainer(learnt, [Rehearsal(work, work.recipe.epochs)]).train()
        work.watch.check()
        head, _ = self.solve(learnt, work.recipe.copies + 1)
        features = np.concatenate(list(self._pooled([self.files[row][0] for row in left_out])))
        ids = np.array(self.ids)[left_out]
        self.temperature = temperature(logits_of(features, head), ids)
        self.learning.load_state_dict(before)
        with written_whole(file) as part:
            part.write(json.dumps(self.temperature).encode())

    def train(self) -> None:
        """Let Trainer train, and test the solved head every few epochs but the last."""
        reporter = Reporter(self.work, lambda accuracy: None, saves_any_step=False)
        trainer = self._trainer(np.arange(len(self.ids)), [reporter, self])
        trainer.on_micro_batch = reporter.add_micro_batch
        checkpoint = last_checkpoint(self.work.run)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        self.work.watch.check()

    def _trainer(self, rows: np.ndarray, callbacks: list[TrainerCallback]) -> LiveTrainer:
        clips = DrawnFrames([self.files[row] for row in rows], [self.ids[row] for row in rows])
        trainer = LiveTrainer(
            model=self.learning,
            args=on_one_device(_arguments(self.work, len(clips))),
            train_dataset=clips,
            callbacks=[*callbacks, Seal()],
            optimizers=(optimizer_for(self.learning, self.work.recipe), None),
        )
        trainer.model_accepts_loss_kwargs = False
        return trainer

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Test where a test is due, and then let Trainer write a checkpoint.

        Within an epoch there is none: the frames that are left of it would be drawn otherwise.
        """
        if state.epoch % 1:
            return
        epoch, epochs = round(state.epoch), self.work.recipe.epochs
        due = epoch % self.every == 0
        if due and epoch < epochs:
            self.test(epoch, copies=1)
        control.should_save = due or epoch == epochs or self.work.watch.must_end()

    def test(self, epoch: int, copies: int) -> np.ndarray:
        """Solve the head on so many copies of each training clip, test it, and keep the best.

        Returns the scores (clips, classes) of the test clips.
        """
        work = self.work
        work.emit(Phase("solving the head"))
        every_clip = np.arange(len(self.ids))
        head, features = self.solve(every_clip, copies)
        if epoch:
            head = tempered(head, self.temperature)
        else:  # nothing has learnt from the clips yet but the head
            ids, rows = np.repeat(self.ids, copies), np.repeat(every_clip, copies)
            head = calibrated(head, features, ids, rows)
        install_head(work.model, head, features)
        scores = self.held_out.probabilities()
        step = epoch * math.ceil(len(self.ids) / work.recipe.batch_size)
        accuracy, loss = self.held_out.accuracy_and_loss(scores)
        work.emit(EvalPoint(accuracy, loss, step=step, epoch=epoch))
        if self.best_accuracy is None or accuracy > self.best_accuracy:
            self.best_accuracy = accuracy
            save_model(work, accuracy, None)
        return scores

    def solve(self, rows: np.ndarray, copies: int) -> tuple[Head, np.ndarray]:
        """Return the head for some clips and the features (clips · copies, width + 1) behind it."""
        files = [file for row in rows for file in self.files[row][:copies]]
        features = np.concatenate(list(self._pooled(files)))
        ids = np.repeat(np.array(self.ids)[rows], copies)
        return fit_linear_head(features, ids, len(self.work.labels)), features

    def _pooled(self, files: Sequence[Path]) -> Iterator[np.ndarray]:
        """Yield rows (clips, width + 1) as PooledEncoder gives them, for the features in files."""
        meter, done = ProgressMeter(self.work.emit, len(files)), 0
        for some in batched(files, FRAMES_AT_ONCE):
            self.work.watch.check()
            yield pool(self.work, self.learning.feed_forward, some, self.work.dtype)
            done += len(some)
            meter.show(done, done)


def _arguments(work: Work, clips: int) -> TrainingArguments:
    """Return Trainer's arguments: batches of one size, and checkpoints where a callback says so."""
    recipe = work.recipe
    batches = math.ceil(clips / recipe.batch_size)
    return TrainingArguments(
        output_dir=str(work.run.checkpoints),
        eval_strategy="no",  # the head that is tested is solved on all clips first
        save_strategy="no",
        save_total_limit=2,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup_ratio,  # below 1 it is a share of all steps
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=math.ceil(clips / batches),
        logging_steps=recipe.logging_steps,
        bf16=work.dtype == torch.bfloat16,
        fp16=work.dtype == torch.float16,
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        use_cpu=work.device == "cpu",
    )


def _without_a_fifth(label_ids: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and those left out; none of these where clips are too few."""
    from sklearn.model_selection import StratifiedKFold

    rows = np.arange(len(label_ids))
    if np.bincount(label_ids).max() < FOLDS:
        return rows, rows[:0]
    return next(
        iter(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, label_ids))
    )

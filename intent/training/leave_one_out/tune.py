"""Fine-tune the last feed-forward network of a Whisper encoder with a leave-one-out loss.

The layers below are frozen and computed once. Each epoch draws random frames from one copy of each
clip. Every few epochs a head is fitted on the whole training set and evaluated.
"""

import copy
import dataclasses
import json
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.models.linear_head import (
    Calibration,
    Head,
    calibrate,
    calibrated,
    fit_calibration,
    fit_linear_head,
    install_head,
    logits_of,
)
from intent.paths import written_whole
from intent.runs.events import EvalPoint, Phase
from intent.training import phases
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.feature_cache import FeatureCache
from intent.training.features import Feature, stored_features
from intent.training.gradient.callbacks import EpochProgress, Reporter
from intent.training.gradient.trainer import (
    LiveTrainer,
    MarkComplete,
    earlier_best,
    last_checkpoint,
    load_best,
    on_one_device,
)
from intent.training.held_out import HeldOut
from intent.training.leave_one_out.frames import DrawnFrames, batched
from intent.training.leave_one_out.loss import EVALUATIONS, FOLDS, LeaveOneOut, optimizer_for
from intent.training.outputs import save_model
from intent.training.pooling import below_last_network, pool

CALIBRATION_FILE = "temperature.json"  # in earlier versions, a temperature was all of it
FRAMES_AT_ONCE = 8192  # through the network when a head is fitted


def tune_last_layer(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train, leave the final weights in the model, and return the test clips and their scores.

    Scores are (clips, classes). The best checkpoint so far is always in the run's `model/`.
    """
    tuner = _Tuner(work)
    scores: np.ndarray | None = None
    try:
        tuner.held_out.compute_features()
        tuner.compute_features()
        distributed.release_workers()  # the regression needs the whole batch in one process
        if last_checkpoint(work.run) is None:
            tuner.evaluate(0, copies=1)
        tuner.calibrate()
        tuner.train()
        scores = tuner.evaluate(work.recipe.epochs, work.recipe.copies + 1)
    except Stopped:
        distributed.release_workers()
    if tuner.best_accuracy is not None and (work.recipe.keep_best or work.watch.must_end()):
        load_best(work)
        scores = None
    if scores is None:
        scores = tuner.held_out.probabilities(may_stop=False)
    return tuner.held_out.clips, scores


class _Tuner(TrainerCallback):
    """The features, the network to train, and the Trainer around it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.held_out = HeldOut(work)
        self.module = LeaveOneOut(work.model, work.passes)
        self.features: list[list[Feature]] = []
        self.ids: list[int] = []
        self.best_accuracy = earlier_best(work)
        self.calibration = Calibration()
        self.every = max(1, round(work.recipe.epochs / EVALUATIONS))

    def compute_features(self) -> None:
        """Compute the network's input for the training set, or find it in the cache."""
        work = self.work
        work.emit(Phase(phases.TRAINING_FEATURES))
        meter = ProgressMeter(work.emit, len(work.train))
        front_end = below_last_network(work)
        cache = FeatureCache(front_end.key())
        for index, features in stored_features(front_end, work.train, work.recipe.copies, cache):
            self.features.append(features)
            self.ids.append(work.train[index].label_id)
            meter.show(index + 1, index + 1)
            work.watch.check()

    def calibrate(self) -> None:
        """Train without a fifth of the clips, fit the calibration on them, and restore the weights.

        A model is overconfident on clips that it was trained on, so calibration needs others.
        """
        work, file = self.work, self.work.run.checkpoints / CALIBRATION_FILE
        if file.exists():
            stored = json.loads(file.read_text(encoding="utf-8"))
            values = stored if isinstance(stored, dict) else {"temperature": stored}
            self.calibration = Calibration(**values)
            return
        train_rows, left_out = _without_a_fifth(self.ids, work.recipe.seed)
        if not len(left_out):
            return
        before = copy.deepcopy(self.module.state_dict())
        work.emit(Phase(phases.CALIBRATING))
        self._trainer(train_rows, [EpochProgress(work, work.recipe.epochs)]).train()
        work.watch.check()
        head, _ = self.fit_head(train_rows, work.recipe.copies + 1)
        originals = [self.features[row][0] for row in left_out]
        features = np.concatenate(list(self._pooled(originals)))
        ids = np.array(self.ids)[left_out]
        logits = logits_of(features, head)
        self.calibration = fit_calibration(logits, features[:, -1], ids, work.reject_id)
        self.module.load_state_dict(before)
        with written_whole(file) as part:
            part.write(json.dumps(dataclasses.asdict(self.calibration)).encode())

    def train(self) -> None:
        """Train, and evaluate a fitted head every few epochs except after the last."""
        reporter = Reporter(self.work, lambda accuracy: None, saves_any_step=False)
        trainer = self._trainer(np.arange(len(self.ids)), [reporter, self])
        trainer.on_micro_batch = reporter.add_micro_batch
        checkpoint = last_checkpoint(self.work.run)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        self.work.watch.check()

    def _trainer(self, rows: np.ndarray, callbacks: list[TrainerCallback]) -> LiveTrainer:
        clips = DrawnFrames([self.features[row] for row in rows], [self.ids[row] for row in rows])
        trainer = LiveTrainer(
            model=self.module,
            args=on_one_device(_arguments(self.work, len(clips))),
            train_dataset=clips,
            callbacks=[*callbacks, MarkComplete()],
            optimizers=(optimizer_for(self.module, self.work.recipe), None),
        )
        trainer.model_accepts_loss_kwargs = False
        return trainer

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Evaluate if an evaluation is due, then have Trainer write a checkpoint.

        There are no checkpoints within an epoch: a resumed epoch would draw different frames.
        """
        if state.epoch is None or state.epoch % 1:
            return
        epoch, epochs = round(state.epoch), self.work.recipe.epochs
        due = epoch % self.every == 0
        if due and epoch < epochs:
            self.evaluate(epoch, copies=1)
        control.should_save = due or epoch == epochs or self.work.watch.must_end()

    def evaluate(self, epoch: int, copies: int) -> np.ndarray:
        """Fit a head on `copies` of each training clip, evaluate it, and save the best checkpoint.

        Returns the scores (clips, classes) of the test clips.
        """
        work = self.work
        work.emit(Phase(phases.FITTING))
        every_clip = np.arange(len(self.ids))
        head, features = self.fit_head(every_clip, copies)
        if epoch:
            head = calibrated(head, self.calibration, work.reject_id)
        else:  # before training, the encoder is not overconfident: cross-validation is enough
            ids, rows = np.repeat(self.ids, copies), np.repeat(every_clip, copies)
            head = calibrate(head, features, ids, rows, work.reject_id)
        install_head(work.model, head, features)
        scores = self.held_out.probabilities()
        step = epoch * math.ceil(len(self.ids) / work.recipe.batch_size)
        accuracy, loss = self.held_out.accuracy_and_loss(scores)
        work.emit(EvalPoint(accuracy, loss, step=step, epoch=epoch))
        if self.best_accuracy is None or accuracy > self.best_accuracy:
            self.best_accuracy = accuracy
            save_model(work, accuracy, None)
        return scores

    def fit_head(self, rows: np.ndarray, copies: int) -> tuple[Head, np.ndarray]:
        """Return a head fitted on some clips, and its features (clips · copies, width + 1)."""
        chosen = [one for row in rows for one in self.features[row][:copies]]
        pooled = np.concatenate(list(self._pooled(chosen)))
        ids = np.repeat(np.array(self.ids)[rows], copies)
        return fit_linear_head(pooled, ids, len(self.work.labels)), pooled

    def _pooled(self, features: Sequence[Feature]) -> Iterator[np.ndarray]:
        """Yield rows (clips, width + 1), as from PooledEncoder, for features."""
        meter, done = ProgressMeter(self.work.emit, len(features)), 0
        for some in batched(features, FRAMES_AT_ONCE):
            self.work.watch.check()
            yield pool(self.work, self.module.feed_forward, some, self.work.dtype)
            done += len(some)
            meter.show(done, done)


def _arguments(work: Work, clips: int) -> TrainingArguments:
    """Return Trainer's arguments: batches of equal size, checkpoints only on a callback's request."""
    recipe = work.recipe
    batches = math.ceil(clips / recipe.batch_size)
    return TrainingArguments(
        output_dir=str(work.run.checkpoints),
        eval_strategy="no",  # the head to evaluate is fitted first, in `evaluate`
        save_strategy="no",
        save_total_limit=2,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup_ratio,  # below 1: a share of all steps
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
    """Return the rows to train on and those left out; none are left out if clips are too few."""
    from sklearn.model_selection import StratifiedKFold

    rows = np.arange(len(label_ids))
    if np.bincount(label_ids).max() < FOLDS:
        return rows, rows[:0]
    return next(
        iter(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, label_ids))
    )

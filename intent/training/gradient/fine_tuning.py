"""Fine-tune by gradient descent with Trainer, on features computed once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, TrainingArguments

from intent import distributed
from intent.compat import mask_long_batches_only
from intent.data.labelled_clip import LabelledClip
from intent.devices import HEAD_MODULES, training_precision
from intent.evaluation.accuracy_metric import AccuracyMetric
from intent.models.encoders import has_fixed_window
from intent.models.linear_head import calibrate, fit_linear_head, install_head
from intent.models.split import Parts, PooledEncoder, split_model
from intent.recipes import Recipe
from intent.runs.events import Phase
from intent.training import phases
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.feature_cache import FeatureCache
from intent.training.features import Feature, FrontEnd, stored_features
from intent.training.gradient.batches import Collator, FeatureDataset, batches
from intent.training.gradient.callbacks import Reporter
from intent.training.gradient.trainer import (
    LiveTrainer,
    MarkComplete,
    at_epoch_end,
    check_process_count,
    earlier_best,
    last_checkpoint,
    last_step,
    load_best,
    on_one_device,
)
from intent.training.outputs import save_model


def fine_tune(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train, leave the final weights in the model, and return the test clips and their scores.

    Scores are (clips, classes). The best checkpoint so far is always in the run's `model/`.
    """
    tuner = _Tuner(work)
    try:
        tuner.compute_features()
        if work.recipe.head == "closed-form":
            tuner.fit_first_head()
        tuner.train()
    except Stopped:
        pass
    distributed.release_workers()
    if tuner.best_accuracy is not None and (work.recipe.keep_best or work.watch.must_end()):
        load_best(work)
    return tuner.tested, tuner.test_probabilities()


def training_arguments(recipe: Recipe, folder: Path, device: str) -> TrainingArguments:
    """Return Trainer's arguments for a recipe; those of the guide for the guide's recipe.

    The batch size is per process: in distributed training a step has one batch of each process.
    """
    half = training_precision(device) if recipe.mixed_precision else torch.float32
    return TrainingArguments(
        output_dir=str(folder),
        eval_strategy="epoch",
        eval_on_start=recipe.head == "closed-form",  # the fitted head is already a result
        save_strategy="epoch",
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulation_steps,
        per_device_eval_batch_size=recipe.eval_batch_size,
        num_train_epochs=recipe.epochs,
        warmup_steps=recipe.warmup_ratio,  # below 1: a share of all steps
        weight_decay=recipe.weight_decay,
        label_smoothing_factor=recipe.label_smoothing,
        logging_steps=recipe.logging_steps,
        load_best_model_at_end=recipe.keep_best,
        metric_for_best_model="accuracy",
        save_total_limit=2,  # the best and the last: ten copies of an encoder can fill a disk
        bf16=half == torch.bfloat16,
        fp16=half == torch.float16,
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        use_cpu=device == "cpu",
    )


class _Tuner:
    """The features, the trained part of the model, and the Trainer around them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.parts: Parts = split_model(work.model, work.recipe.trainable_layers)
        mask_long_batches_only(self.parts.trained)
        self.fixed = has_fixed_window(work.model)
        self.front_end = FrontEnd(
            work.extractor,
            self.parts.frozen,
            work.recipe.window_seconds,
            self.fixed,
            work.device,
            work.dtype,
        )
        convolved = work.model if self.parts.frozen is not None and not self.fixed else None
        self.collator = Collator(
            self.front_end.input_name,
            with_mask=not self.fixed and bool(work.extractor.return_attention_mask),
            convolved=convolved,
        )
        self.tested: list[LabelledClip] = []
        self.test_features: list[Feature] = []
        self.train_features: list[Feature] = []
        self.train_ids: list[int] = []
        self.best_accuracy = earlier_best(work)

    def compute_features(self) -> None:
        """Compute the features of all clips, or find them in the cache."""
        work, cache = self.work, FeatureCache(self.front_end.key())
        copies = work.recipe.copies
        work.model.eval()
        work.emit(Phase(phases.COMPUTING_FEATURES))
        meter = ProgressMeter(work.emit, len(work.test) + len(work.train))
        for index, features in stored_features(self.front_end, work.test, 0, cache):
            self.tested.append(work.test[index])
            self.test_features += features
            meter.show(len(self.tested), len(self.tested))
            work.watch.check()
        for index, features in stored_features(self.front_end, work.train, copies, cache):
            self.train_features += features
            self.train_ids += [work.train[index].label_id] * len(features)
            meter.show(len(self.tested) + index + 1, len(self.tested) + index + 1)
            work.watch.check()

    def fit_first_head(self) -> None:
        """Start from a head fitted in closed form, which distorts features less (Kumar et al. 2022)."""
        work, pooled = self.work, PooledEncoder(self.parts.trained)
        if last_checkpoint(work.run):
            return
        work.emit(Phase(phases.FITTING))
        meter, rows = ProgressMeter(work.emit, len(self.train_features)), []
        for batch in batches(self.train_set, self.collator, work.recipe.eval_batch_size):
            with torch.inference_mode():
                inputs = batch[self.collator.input_name].to(work.model.device)
                rows.append(pooled(inputs).cpu().numpy())
            meter.show(sum(map(len, rows)), sum(map(len, rows)))
            work.watch.check()
        features, ids = np.concatenate(rows), np.array(self.train_ids)
        clips = np.arange(len(ids)) // (work.recipe.copies + 1)
        head = fit_linear_head(features, ids, len(work.labels))
        head = calibrate(head, features, ids, clips, work.reject_id)
        install_head(work.model, head, features)

    @property
    def train_set(self) -> FeatureDataset:
        """The training clips and their augmented copies."""
        return FeatureDataset(self.collator.input_name, self.train_features, self.train_ids)

    @property
    def test_set(self) -> FeatureDataset:
        """The test clips whose features are ready."""
        ids = [clip.label_id for clip in self.tested]
        return FeatureDataset(self.collator.input_name, self.test_features, ids)

    def train(self) -> None:
        """Train, from the last checkpoint if there is one."""
        work, recipe = self.work, self.work.recipe
        reporter = Reporter(work, self.save_if_best)
        checkpoint = last_checkpoint(work.run)
        arguments = on_one_device(training_arguments(recipe, work.run.checkpoints, work.device))
        if checkpoint:
            check_process_count(checkpoint)
            arguments.eval_on_start = self._lacks_evaluation(checkpoint)
        trainer = LiveTrainer(
            model=self.parts.trained,
            args=arguments,
            train_dataset=self.train_set,
            eval_dataset=self.test_set,
            data_collator=self.collator,
            compute_metrics=_metrics(work.reject_id),
            callbacks=[reporter, MarkComplete()],
            optimizers=(two_rate_optimizer(self.parts.trained, recipe), None),
        )
        trainer.on_micro_batch = reporter.add_micro_batch
        # These classifiers accept extra arguments but do not scale their loss by them, so Trainer
        # has to divide it by the accumulation steps.
        trainer.model_accepts_loss_kwargs = False
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def _lacks_evaluation(self, checkpoint: Path) -> bool:
        """Return whether training ended between an epoch's last step and its evaluation."""
        step, evaluations = last_step(self.work.run), self.work.run.history().evaluations
        return at_epoch_end(checkpoint) and all(point.step != step for point in evaluations)

    def test_probabilities(self) -> np.ndarray:
        """Return the model's scores (clips, classes) on the test set."""
        work, model, rows = self.work, self.parts.trained.eval(), []
        work.emit(Phase(phases.EVALUATING))
        for batch in batches(self.test_set, self.collator, work.recipe.eval_batch_size):
            batch.pop("labels")
            with torch.inference_mode():
                inputs = {name: array.to(work.model.device) for name, array in batch.items()}
                rows.append(model(**inputs).logits.float().softmax(-1).cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, len(work.labels)))

    def save_if_best(self, accuracy: float) -> None:
        """Save the model if its accuracy is the best so far."""
        if self.best_accuracy is None or accuracy > self.best_accuracy:
            self.best_accuracy = accuracy
            if distributed.is_lead():
                save_model(self.work, accuracy, None)


def _metrics(reject_id: int | None) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return a function that computes accuracy, on clips of the intents, and log loss for Trainer."""
    accuracy = AccuracyMetric()

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        logits, ids = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
        # Trainer's own loss counts clips twice if they do not divide evenly among processes.
        log_loss = cross_entropy(torch.tensor(logits), torch.tensor(ids))
        of_intents = ids != reject_id
        correct = accuracy.compute(
            predictions=logits.argmax(-1)[of_intents], references=ids[of_intents]
        )
        return {**correct, "log_loss": float(log_loss)}

    return compute


def two_rate_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer | None:
    """Return AdamW with a separate learning rate for the head, or None if there is one rate."""
    if recipe.head_learning_rate is None:
        return None
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups: list[dict[str, object]] = [
        {"params": [p for name, p in trained if not name.startswith(HEAD_MODULES)]},
        {
            "params": [p for name, p in trained if name.startswith(HEAD_MODULES)],
            "lr": recipe.head_learning_rate,
        },
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)

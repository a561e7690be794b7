"""Fine-tuning by gradient: Trainer does it, a callback turns its callbacks into our events."""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, TrainingArguments

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.devices import learning_precision
from intent.evaluation.evaluate import AccuracyMetric
from intent.models.encoders import hears_fixed_window
from intent.models.linear_head import calibrated, fit_linear_head, install_head
from intent.models.split import Parts, PooledEncoder, part
from intent.recipes import Recipe
from intent.runs.events import Phase
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.features import FeatureCache, FrontEnd, feature_files
from intent.training.gradient.batches import Collator, FeatureDataset, batches
from intent.training.gradient.callbacks import Reporter
from intent.training.gradient.trainer import (
    LiveTrainer,
    Seal,
    at_epoch_end,
    check_as_many,
    earlier_best,
    last_checkpoint,
    last_step,
    load_best,
    on_one_device,
)
from intent.training.outputs import save_model


def fine_tune(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Train, leave the weights to keep in the model, and return test clips and their scores.

    Scores are (clips, classes). The best checkpoint so far lies in the run's `model/` at all times.
    """
    tuner = _Tuner(work)
    try:
        tuner.hear()
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
    """Return a recipe as Trainer takes it; the guide's recipe gives the guide's own arguments.

    The batch is each process': several that train together take as many batches to a step.
    """
    half = learning_precision(device) if recipe.mixed_precision else torch.float32
    return TrainingArguments(
        output_dir=str(folder),
        eval_strategy="epoch",
        eval_on_start=recipe.head == "closed-form",  # it is a result already
        save_strategy="epoch",
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulation_steps,
        per_device_eval_batch_size=recipe.eval_batch_size,
        num_train_epochs=recipe.epochs,
        warmup_steps=recipe.warmup_ratio,  # below 1 it is a share of all steps
        weight_decay=recipe.weight_decay,
        label_smoothing_factor=recipe.label_smoothing,
        logging_steps=recipe.logging_steps,
        load_best_model_at_end=recipe.keep_best,
        metric_for_best_model="accuracy",
        save_total_limit=2,  # the best and the last: ten copies of an encoder fill a disk
        bf16=half == torch.bfloat16,
        fp16=half == torch.float16,
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        use_cpu=device == "cpu",
    )


class _Tuner:
    """The features, the learning part of the model, and Trainer around them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.parts: Parts = part(work.model, work.recipe.trainable_layers)
        self.fixed = hears_fixed_window(work.model)
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
            samples_of=convolved,
        )
        self.tested: list[LabelledClip] = []
        self.test_files: list[Path] = []
        self.train_files: list[Path] = []
        self.train_ids: list[int] = []
        self.best_accuracy = earlier_best(work)

    def hear(self) -> None:
        """Compute the features of all clips, or take them from the cache."""
        work, cache = self.work, FeatureCache(self.front_end.key())
        work.model.eval()
        work.emit(Phase("computing features"))
        meter = ProgressMeter(work.emit, len(work.test) + len(work.train))
        for index, files in feature_files(self.front_end, work.test, 0, cache):
            self.tested.append(work.test[index])
            self.test_files.append(files[0])
            meter.show(len(self.tested), len(self.tested))
            work.watch.check()
        for index, files in feature_files(self.front_end, work.train, work.recipe.copies, cache):
            self.train_files += files
            self.train_ids += [work.train[index].label_id] * len(files)
            meter.show(len(self.tested) + index + 1, len(self.tested) + index + 1)
            work.watch.check()

    def fit_first_head(self) -> None:
        """Start from the head in closed form (Kumar et al. 2022: features are distorted less)."""
        work, pooled = self.work, PooledEncoder(self.parts.learning)
        if last_checkpoint(work.run):
            return
        work.emit(Phase("solving the first head"))
        meter, rows = ProgressMeter(work.emit, len(self.train_files)), []
        for batch in batches(self.train_set, self.collator, work.recipe.eval_batch_size):
            with torch.inference_mode():
                inputs = batch[self.collator.input_name].to(work.model.device)
                rows.append(pooled(inputs).cpu().numpy())
            meter.show(sum(map(len, rows)), sum(map(len, rows)))
            work.watch.check()
        features, ids = np.concatenate(rows), np.array(self.train_ids)
        clips = np.arange(len(ids)) // (work.recipe.copies + 1)
        head = fit_linear_head(features, ids, len(work.labels))
        install_head(work.model, calibrated(head, features, ids, clips), features)

    @property
    def train_set(self) -> FeatureDataset:
        return FeatureDataset(self.collator.input_name, self.train_files, self.train_ids)

    @property
    def test_set(self) -> FeatureDataset:
        ids = [clip.label_id for clip in self.tested]
        return FeatureDataset(self.collator.input_name, self.test_files, ids)

    def train(self) -> None:
        work, recipe = self.work, self.work.recipe
        reporter = Reporter(work, self.keep_if_best)
        metric = AccuracyMetric()

        def figures(prediction: EvalPrediction) -> dict[str, float]:
            logits, ids = prediction.predictions, prediction.label_ids
            accuracy = metric.compute(predictions=logits.argmax(-1), references=ids)
            # Trainer's own loss counts clips twice where they do not divide among processes.
            return {**accuracy, "log_loss": float(cross_entropy(*map(torch.tensor, (logits, ids))))}

        checkpoint = last_checkpoint(work.run)
        arguments = on_one_device(training_arguments(recipe, work.run.checkpoints, work.device))
        if checkpoint:
            check_as_many(checkpoint)
            arguments.eval_on_start = self._lacks_its_test(checkpoint)
        trainer = LiveTrainer(
            model=self.parts.learning,
            args=arguments,
            train_dataset=self.train_set,
            eval_dataset=self.test_set,
            data_collator=self.collator,
            compute_metrics=figures,
            callbacks=[reporter, Seal()],
            optimizers=(two_rate_optimizer(self.parts.learning, recipe), None),
        )
        trainer.on_micro_batch = reporter.add_micro_batch
        # These classifiers take extra arguments but do not scale their loss by them, so that
        # Trainer has to divide it by the accumulation steps.
        trainer.model_accepts_loss_kwargs = False
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def _lacks_its_test(self, checkpoint: Path) -> bool:
        """Whether work ended behind the last step of an epoch, ahead of its test."""
        step, tested = last_step(self.work.run), self.work.run.history().evaluations
        return at_epoch_end(checkpoint) and all(point.step != step for point in tested)

    def test_probabilities(self) -> np.ndarray:
        """Return the scores (clips, classes) of the test clips whose features are ready."""
        work, learning, rows = self.work, self.parts.learning.eval(), []
        work.emit(Phase("evaluating"))
        for batch in batches(self.test_set, self.collator, work.recipe.eval_batch_size):
            batch.pop("labels")
            with torch.inference_mode():
                inputs = {name: array.to(work.model.device) for name, array in batch.items()}
                rows.append(learning(**inputs).logits.float().softmax(-1).cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, len(work.labels)))

    def keep_if_best(self, accuracy: float) -> None:
        if self.best_accuracy is None or accuracy > self.best_accuracy:
            self.best_accuracy = accuracy
            if distributed.is_lead():
                save_model(self.work, accuracy, None)


def two_rate_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer | None:
    """AdamW with a rate of its own for the head; None, Trainer's own, where there is one rate."""
    if recipe.head_learning_rate is None:
        return None
    learning = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    is_head = [name.startswith(("projector", "classifier")) for name, _ in learning]
    body = [p for (_, p), head in zip(learning, is_head, strict=True) if not head]
    head = [p for (_, p), head in zip(learning, is_head, strict=True) if head]
    return torch.optim.AdamW(
        [{"params": body}, {"params": head, "lr": recipe.head_learning_rate}],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )

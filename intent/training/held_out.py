"""Evaluate the model on the test set; its frozen part is computed once, so this is fast."""

from collections.abc import Iterator

import numpy as np
import torch

from intent.compat import with_children
from intent.data.labelled_clip import LabelledClip
from intent.models.encoders import has_fixed_window
from intent.models.split import PooledEncoder
from intent.models.typed import whisper_encoder
from intent.models.whisper_ffn import BelowFeedForward, FeedForwardOnly, without_padding
from intent.models.whisper_padding import padding_neuron
from intent.runs.events import Phase
from intent.training import phases
from intent.training.context import ProgressMeter, Work
from intent.training.feature_cache import FeatureCache
from intent.training.features import Feature, FrontEnd, stored_features
from intent.training.outputs import model_probabilities
from intent.training.pooling import pool

BATCH = 8  # clips per forward pass through the upper part
MIN_SCORE = 1e-12  # lower bound of a score, which keeps the log loss finite


class HeldOut:
    """The test clips of a run, their frozen features, and the model's current scores on them.

    In float32, like the stock pipeline. An encoder without a fixed window uses the whole clip.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.fixed = has_fixed_window(work.model)
        frozen: torch.nn.Module
        if self.fixed:
            encoder = FeedForwardOnly(work.model)
            frozen = BelowFeedForward(work.model)
            self.network = encoder.network
            self.upper = with_children(work.model, encoder=encoder)
        else:
            frozen = PooledEncoder(work.model).eval()
        window = work.recipe.window_seconds
        # Rounded to float16, scores would differ from the stock pipeline's by up to 0.005.
        self.front_end = FrontEnd(
            work.extractor, frozen, window, self.fixed, work.device, stored=np.float32
        )
        self.clips: list[LabelledClip] = []
        self.features: list[Feature] = []
        self.pooled: list[np.ndarray] = []  # each (width + 1,), as from PooledEncoder

    def compute_features(self, also_pool: bool = False) -> None:
        """Compute the features of all test clips, or find them in the cache; raises Stopped.

        `also_pool` fills `pooled`, to evaluate heads that are not yet in the model.
        """
        work = self.work
        work.model.eval()
        work.emit(Phase(phases.TEST_FEATURES))
        meter = ProgressMeter(work.emit, len(work.test))
        cache = FeatureCache(self.front_end.key())
        for index, [feature] in stored_features(self.front_end, work.test, 0, cache):
            if also_pool:
                self.pooled.append(self._pooled(feature))
            self.clips.append(work.test[index])
            self.features.append(feature)
            meter.show(index + 1, index + 1)
            work.watch.check()

    def _pooled(self, feature: Feature) -> np.ndarray:
        if not self.fixed:
            return feature.load()
        row_file = feature.path.with_name(f"{feature.path.stem}-row.npy")
        return feature.cache.load_or_compute(row_file, lambda: self._pool(feature))

    @torch.inference_mode()
    def _pool(self, feature: Feature) -> np.ndarray:
        model, streams = self.work.model, _read([feature], self.work.device)
        speech = without_padding(whisper_encoder(model), padding_neuron(model), streams)
        arrays = [stream.cpu().numpy() for stream in speech]
        return pool(self.work, self.network, arrays, torch.float32)[0]

    @property
    def label_ids(self) -> np.ndarray:
        """The true label id of each clip, (clips,)."""
        return np.array([clip.label_id for clip in self.clips], int)

    def accuracy_and_loss(self, scores: np.ndarray) -> tuple[float, float]:
        """Return accuracy (0..1) and log loss in nats of scores (clips, classes).

        The accuracy is that on the clips of the intents, of which one is needed at least.
        """
        true_ids = self.label_ids
        right = scores.argmax(1) == true_ids
        accuracy = float(right[true_ids != self.work.reject_id].mean())
        of_true = scores[np.arange(len(true_ids)), true_ids]
        return accuracy, float(-np.log(np.maximum(of_true, MIN_SCORE)).mean())

    def probabilities(self, may_stop: bool = True) -> np.ndarray:
        """Return the current model's scores (clips, classes), those of the stock pipeline.

        Raises Stopped if training must end, unless `may_stop` is false.
        """
        if not self.fixed:
            return model_probabilities(self.work, self.clips, may_stop)
        self.work.emit(Phase(phases.EVALUATING))
        rows = list(self._scores(may_stop))
        return np.concatenate(rows) if rows else np.zeros((0, len(self.work.labels)))

    @torch.inference_mode()
    def _scores(self, may_stop: bool) -> Iterator[np.ndarray]:
        meter = ProgressMeter(self.work.emit, len(self.features))
        upper = self.upper.eval()
        for start in range(0, len(self.features), BATCH):
            if may_stop:
                self.work.watch.check()
            inputs = _read(self.features[start : start + BATCH], self.work.device)
            yield upper(inputs).logits.float().softmax(-1).cpu().numpy()
            done = min(start + BATCH, len(self.features))
            meter.show(done, done)


def _read(features: list[Feature], device: str) -> torch.Tensor:
    """Return activations of clips as one batch, float32."""
    return torch.from_numpy(np.stack([one.load() for one in features])).float().to(device)

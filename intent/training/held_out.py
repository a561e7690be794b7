"""The test clips, heard once up to the last network: a new head or network is tested in a moment."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from intent.compat import with_children
from intent.data.labelled_clip import LabelledClip
from intent.models.encoders import hears_fixed_window
from intent.models.split import PooledEncoder
from intent.models.whisper_ffn import BelowFeedForward, FeedForwardOnly
from intent.runs.events import Phase
from intent.training.context import ProgressMeter, Work
from intent.training.features import FeatureCache, FrontEnd, feature_files
from intent.training.outputs import model_probabilities
from intent.training.pooling import pool

BATCH = 8  # clips in one pass through the last network
LEAST_SCORE = 1e-12  # so that no log loss is infinite


class HeldOut:
    """The test clips of a run, what their frozen part gave, and what the model makes of it now.

    In float32, as stock pipeline computes. An encoder without a fixed window hears a clip whole.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.fixed = hears_fixed_window(work.model)
        if self.fixed:
            encoder = FeedForwardOnly(work.model)
            self.frozen: torch.nn.Module = BelowFeedForward(work.model)
            self.network = encoder.network
            self.upper = with_children(work.model, encoder=encoder)
        else:
            self.frozen = PooledEncoder(work.model).eval()
        window = work.recipe.window_seconds
        self.front_end = FrontEnd(work.extractor, self.frozen, window, self.fixed, work.device)
        self.clips: list[LabelledClip] = []
        self.files: list[Path] = []
        self.pooled: list[np.ndarray] = []  # each (width + 1,), as PooledEncoder gives it

    def hear(self, also_pool: bool = False) -> None:
        """Hear all test clips, or take them from the cache; raises Stopped.

        `also_pool` fills `pooled`, for heads that are tested before they are in the model.
        """
        work = self.work
        work.model.eval()
        work.emit(Phase("hearing the test clips"))
        meter = ProgressMeter(work.emit, len(work.test))
        cache = FeatureCache(self.front_end.key())
        for index, files in feature_files(self.front_end, work.test, 0, cache):
            if also_pool:
                self.pooled.append(self._pooled(files[0], cache))
            self.clips.append(work.test[index])
            self.files.append(files[0])
            meter.show(index + 1, index + 1)
            work.watch.check()

    def _pooled(self, file: Path, cache: FeatureCache) -> np.ndarray:
        if not self.fixed:
            return np.load(file)
        return cache.kept(file.with_name(f"{file.stem}-row.npy"), lambda: self._pool(file))

    @torch.inference_mode()
    def _pool(self, file: Path) -> np.ndarray:
        spoken = self.frozen.without_muted(_read([file], self.work.device))
        streams = [stream.cpu().numpy() for stream in spoken]
        return pool(self.work, self.network, streams, torch.float32)[0]

    @property
    def label_ids(self) -> np.ndarray:
        """The true label of each clip heard, (clips,)."""
        return np.array([clip.label_id for clip in self.clips], int)

    def accuracy_and_loss(self, scores: np.ndarray) -> tuple[float, float]:
        """Return how right scores (clips, classes) are: accuracy (0..1) and log loss in nats."""
        true_ids = self.label_ids
        accuracy = float((scores.argmax(1) == true_ids).mean())
        of_true = scores[np.arange(len(true_ids)), true_ids]
        return accuracy, float(-np.log(np.maximum(of_true, LEAST_SCORE)).mean())

    def probabilities(self, may_stop: bool = True) -> np.ndarray:
        """Return the scores (clips, classes) that the model as it is now gives, as stock pipeline.

        Raises Stopped if work must end, unless it may not stop.
        """
        if not self.fixed:
            return model_probabilities(self.work, self.clips, may_stop)
        self.work.emit(Phase("hearing the test clips with the new model"))
        rows = list(self._scores(may_stop))
        return np.concatenate(rows) if rows else np.zeros((0, len(self.work.labels)))

    @torch.inference_mode()
    def _scores(self, may_stop: bool) -> Iterator[np.ndarray]:
        meter = ProgressMeter(self.work.emit, len(self.files))
        upper = self.upper.eval()
        for start in range(0, len(self.files), BATCH):
            if may_stop:
                self.work.watch.check()
            inputs = _read(self.files[start : start + BATCH], self.work.device)
            yield upper(inputs).logits.float().softmax(-1).cpu().numpy()
            meter.show(min(start + BATCH, len(self.files)), start + BATCH)


def _read(files: list[Path], device: str) -> torch.Tensor:
    """Return stored activations of clips as one batch, float32."""
    return torch.from_numpy(np.stack([np.load(file) for file in files])).float().to(device)

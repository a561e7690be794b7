"""Mute the padding of a Whisper classifier, so that only the speech in its window counts.

Stock Whisper classifiers average over all frames of a fixed window. Padding frames carry as much
weight as speech and differ between clips. So one neuron of the last layer's feed-forward network is
rewritten: it fires on frames without sound and adds one large direction to them. After the final
layer norm, padding frames collapse to that constant direction, and it is chosen so that the head
ignores it: all logits are equal there. What remains is the mean over the speech frames, times their
share of the window, which does not change the predicted intent. The checkpoint stays a stock one.
"""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from transformers import PreTrainedModel

from intent.audio.clip import Clip, resample
from intent.data.dataset import clip_at, load_data
from intent.models.encoders import fingerprint
from intent.models.typed import Extractor, last_layer, whisper_encoder
from intent.models.whisper_window import WHISPER_FRAMES_PER_SECOND
from intent.paths import SAMPLE, SAMPLE_DATA, cache_dir, written_whole

CLIPS = 28  # of the bundled sample: two per intent
FRAMES = 40  # per clip, of speech and of padding each
SHARPNESS = 4.0  # factor on the detector's logit, so that few frames are half muted
GAIN = 250.0  # many times the norm of a frame, but within the range of float16
MIN_DETECTOR_ACCURACY = 0.98  # below it, the encoder is left unchanged

Detector = tuple[np.ndarray, float]  # weights (width,) and bias: positive on padding


def mute_padding(
    model: PreTrainedModel,
    extractor: Extractor,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Rewrite one neuron of a Whisper classifier's last layer; return whether it was rewritten.

    The padding detector is fitted on the bundled sample, so the same encoder and window always
    give the same weights, independent of the training data. The neuron's index is stored in the
    config as `padding_neuron`. The model is left unchanged if it already has one, if padding cannot
    be distinguished from speech, or if `should_stop` returns true.
    """
    if padding_neuron(model) is not None:
        return False
    detector = _cached_detector(model, extractor, should_stop)
    if detector is None:
        return False
    weights, bias = detector
    last = last_layer(whisper_encoder(model))
    with torch.no_grad():
        idle = int((last.fc1.weight.norm(dim=1) * last.fc2.weight.norm(dim=0)).argmin())
        last.fc1.weight[idle] = SHARPNESS * torch.from_numpy(weights).float()
        last.fc1.bias[idle] = SHARPNESS * float(bias)
    model.config.padding_neuron = idle
    width = last.fc2.out_features
    hide_padding(model, np.zeros((1, width)), np.zeros(1))
    return True


def padding_neuron(model: PreTrainedModel) -> int | None:
    """Return the index of the neuron that mutes padding, or None if there is none."""
    return getattr(model.config, "padding_neuron", None)


def speech_frames(detector: torch.Tensor) -> torch.Tensor:
    """Return which frames are speech, (batch, frames) bool, from the muting neuron's input.

    In a clip of padding only, all frames count as speech, so that a mean exists.
    """
    speech = detector < 0
    return speech | ~speech.any(dim=1, keepdim=True)


def hide_padding(model: PreTrainedModel, weights: np.ndarray, biases: np.ndarray) -> None:
    """Choose the direction of padding frames for which a linear head gives equal logits.

    `weights` (classes, width) and `biases` (classes,) apply to the encoder's output. Without muted
    padding, nothing happens. A normalized frame z has mean 0 and norm √width; the shortest z with
    equal logits is extended to that norm within the null space of the head.
    """
    neuron = padding_neuron(model)
    if neuron is None:
        return
    encoder = whisper_encoder(model)
    norm = encoder.layer_norm
    scale, shift = (p.detach().cpu().double().numpy() for p in (norm.weight, norm.bias))
    weights, biases = weights - weights.mean(0), biases - biases.mean()
    rows = np.vstack([weights * scale, np.ones(len(scale))])
    targets = -np.append(biases + weights @ shift, 0.0)
    direction = np.linalg.lstsq(rows, targets, rcond=1e-9)[0]
    free = np.random.default_rng(0).standard_normal(len(scale))
    free -= np.linalg.lstsq(rows, rows @ free, rcond=1e-9)[0]
    room = max(len(scale) - direction @ direction, 0.0)
    direction = direction + free * np.sqrt(room) / np.linalg.norm(free)
    column = GAIN * direction / np.linalg.norm(direction)
    with torch.no_grad():
        last_layer(encoder).fc2.weight[:, neuron] = torch.from_numpy(column).float()


def _cached_detector(
    model: PreTrainedModel, extractor: Extractor, should_stop: Callable[[], bool]
) -> Detector | None:
    """Return the detector of an encoder and window, fitted once and then read from the cache."""
    sample = sorted((path.name, path.stat().st_size) for path in SAMPLE_DATA.rglob("*.parquet"))
    key = f"{fingerprint(model)} {extractor.to_json_string()} {sample}"
    file = cache_dir() / "padding" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npy"
    if file.exists():
        stored = np.load(file)
        return stored[:-1], float(stored[-1])
    detector = _fit_detector(model, extractor, should_stop)
    if detector is not None:
        with written_whole(file) as part:
            np.save(part, np.append(*detector))
    return detector


def _fit_detector(
    model: PreTrainedModel, extractor: Extractor, should_stop: Callable[[], bool]
) -> Detector | None:
    """Fit a detector of padding frames on the last feed-forward network's input."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    speech, padding = [], []
    for frames, spoken in _network_inputs(model, extractor):
        speech.append(rng.permutation(frames[:spoken])[:FRAMES])
        padding.append(rng.permutation(frames[spoken:])[:FRAMES])
        if should_stop():
            return None
    frames = np.concatenate(speech + padding)
    is_padding = np.repeat([0, 1], [sum(map(len, speech)), sum(map(len, padding))])
    mean, scale = frames.mean(0), frames.std(0) + 1e-6
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit((frames - mean) / scale, is_padding)
    if fitted.score((frames - mean) / scale, is_padding) < MIN_DETECTOR_ACCURACY:
        return None
    weights = fitted.coef_[0] / scale
    return weights, fitted.intercept_[0] - weights @ mean


@torch.inference_mode()
def _network_inputs(
    model: PreTrainedModel, extractor: Extractor
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the last network's input (frames, width) for some clips, and how many are speech."""
    captured: list[torch.Tensor] = []
    encoder = whisper_encoder(model)
    hook = last_layer(encoder).fc1.register_forward_pre_hook(
        lambda _, arguments: captured.append(arguments[0])
    )
    try:
        for clip in _sample_clips(extractor.sampling_rate, extractor.chunk_length / 2):
            inputs = extractor(clip.samples, sampling_rate=clip.sample_rate, return_tensors="pt")
            encoder(inputs.input_features.to(model.device))
            spoken = int(np.ceil(clip.seconds * WHISPER_FRAMES_PER_SECOND))
            yield captured.pop()[0].float().cpu().numpy(), spoken
    finally:
        hook.remove()


def _sample_clips(sample_rate: int, max_seconds: float) -> Iterator[Clip]:
    rows = load_data(SAMPLE)["train"]
    for row in range(0, len(rows), max(1, len(rows) // CLIPS)):
        clip = resample(clip_at(rows, row), sample_rate)
        yield Clip(clip.samples[: int(max_seconds * sample_rate)], sample_rate)

"""Padding, muted: a Whisper classifier that hears the speech in its window, and not what is around.

Whisper hears a window of fixed length, and stock classifiers average over all of its frames, those
of the padding included, which say as much as speech does and differ from clip to clip. So one neuron
of the last layer's MLP is rewritten to fire on frames without sound and to add one large direction to
them: the final layer norm then leaves hardly more of such a frame than that direction, the same for
each clip. The direction is aimed so that the head finds all intents equally likely there. What is
left is the mean over the frames of speech, times their share of the window, and the intent that wins
does not depend on that share. The checkpoint stays a stock one.
"""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from transformers import FeatureExtractionMixin, PreTrainedModel

from intent.audio.clip import Clip, resample
from intent.data.dataset import clip_at, load_data
from intent.models.encoders import WHISPER_FRAMES_PER_SECOND, fingerprint
from intent.paths import SAMPLE, SAMPLE_DATA, cache_dir, written_whole

CLIPS = 28  # of the bundled sample: two for each intent
FRAMES = 40  # drawn from each clip, of speech and of padding
SHARPNESS = 4.0  # times the detector's logit: few frames are left half muted
GAIN = 250.0  # so that what is added is many times the norm of a frame, and still fits float16
MIN_TOLD_APART = 0.98  # the share of frames that the neuron must tell apart, or nothing is changed


def mute_padding(
    model: PreTrainedModel,
    extractor: FeatureExtractionMixin,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Rewrite one neuron of a Whisper classifier's last layer, and return whether it was done.

    What padding looks like is learnt from the bundled sample, so that the same encoder and window
    always give the same weights, whatever they are then trained on. The neuron's index is kept in
    the config as `padding_neuron`. Does nothing where there is one already, or where the encoder
    does not tell padding from speech, or when it is told to stop.
    """
    if padding_neuron(model) is not None:
        return False
    detector = _kept_detector(model, extractor, should_stop)
    if detector is None:
        return False
    weights, bias = detector
    last = model.encoder.layers[-1]
    with torch.no_grad():
        idle = int((last.fc1.weight.norm(dim=1) * last.fc2.weight.norm(dim=0)).argmin())
        last.fc1.weight[idle] = SHARPNESS * torch.from_numpy(weights).float()
        last.fc1.bias[idle] = SHARPNESS * float(bias)
    model.config.padding_neuron = idle
    width = last.fc2.out_features
    aim_padding(model, np.zeros((1, width)), np.zeros(1))
    return True


def padding_neuron(model: PreTrainedModel) -> int | None:
    """Return the index of the neuron that mutes padding, or None where there is none."""
    return getattr(model.config, "padding_neuron", None)


def spoken_frames(neurons: torch.Tensor) -> torch.Tensor:
    """Return which frames are not padding, (batch, frames) bool, by the muting neuron's input.

    A clip that is nothing but padding is heard whole, rather than not at all.
    """
    spoken = neurons < 0
    return spoken | ~spoken.any(dim=1, keepdim=True)


def aim_padding(model: PreTrainedModel, weights: np.ndarray, biases: np.ndarray) -> None:
    """Make muted frames say nothing to a linear head: all of its logits are equal there.

    `weights` (classes, width) and `biases` (classes,) read the output of the encoder. Does nothing
    to an encoder whose padding is not muted. A normalised frame z has mean 0 and norm √width; the
    shortest z with equal logits is lengthened, by what the head does not see, to that norm.
    """
    neuron = padding_neuron(model)
    if neuron is None:
        return
    norm = model.encoder.layer_norm
    scale, shift = (p.detach().cpu().double().numpy() for p in (norm.weight, norm.bias))
    weights, biases = weights - weights.mean(0), biases - biases.mean()
    rows = np.vstack([weights * scale, np.ones(len(scale))])
    seen = -np.append(biases + weights @ shift, 0.0)
    direction = np.linalg.lstsq(rows, seen, rcond=1e-9)[0]
    free = np.random.default_rng(0).standard_normal(len(scale))
    free -= np.linalg.lstsq(rows, rows @ free, rcond=1e-9)[0]
    room = max(len(scale) - direction @ direction, 0.0)
    direction = direction + free * np.sqrt(room) / np.linalg.norm(free)
    column = GAIN * direction / np.linalg.norm(direction)
    with torch.no_grad():
        model.encoder.layers[-1].fc2.weight[:, neuron] = torch.from_numpy(column).float()


def _kept_detector(
    model: PreTrainedModel, extractor: FeatureExtractionMixin, should_stop: Callable[[], bool]
) -> tuple[np.ndarray, float] | None:
    """The detector for an encoder and a window, found once and kept in the cache."""
    sample = sorted((path.name, path.stat().st_size) for path in SAMPLE_DATA.rglob("*.parquet"))
    what = f"{fingerprint(model)} {extractor.to_json_string()} {sample}"
    file = cache_dir() / "padding" / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.npy"
    if file.exists():
        kept = np.load(file)
        return kept[:-1], float(kept[-1])
    found = _padding_detector(model, extractor, should_stop)
    if found is not None:
        with written_whole(file) as part:
            np.save(part, np.append(*found))
    return found


def _padding_detector(
    model: PreTrainedModel, extractor: FeatureExtractionMixin, should_stop: Callable[[], bool]
) -> tuple[np.ndarray, float] | None:
    """Weights (width,) and bias on the last MLP's input, positive on padding."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    speech, padding = [], []
    for frames, spoken in _last_mlp_inputs(model, extractor):
        speech.append(rng.permutation(frames[:spoken])[:FRAMES])
        padding.append(rng.permutation(frames[spoken:])[:FRAMES])
        if should_stop():
            return None
    frames = np.concatenate(speech + padding)
    is_padding = np.repeat([0, 1], [sum(map(len, speech)), sum(map(len, padding))])
    mean, scale = frames.mean(0), frames.std(0) + 1e-6
    found = LogisticRegression(C=0.1, max_iter=1000).fit((frames - mean) / scale, is_padding)
    if found.score((frames - mean) / scale, is_padding) < MIN_TOLD_APART:
        return None
    weights = found.coef_[0] / scale
    return weights, found.intercept_[0] - weights @ mean


@torch.inference_mode()
def _last_mlp_inputs(
    model: PreTrainedModel, extractor: FeatureExtractionMixin
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield for some clips the input (frames, width) of the last MLP, and how many are spoken."""
    heard: list[torch.Tensor] = []
    hook = model.encoder.layers[-1].fc1.register_forward_pre_hook(
        lambda _, arguments: heard.append(arguments[0])
    )
    try:
        for clip in _sample_clips(extractor.sampling_rate, extractor.chunk_length / 2):
            inputs = extractor(clip.samples, sampling_rate=clip.sample_rate, return_tensors="pt")
            model.encoder(inputs.input_features.to(model.device))
            spoken = int(np.ceil(clip.seconds * WHISPER_FRAMES_PER_SECOND))
            yield heard.pop()[0].float().cpu().numpy(), spoken
    finally:
        hook.remove()


def _sample_clips(sample_rate: int, max_seconds: float) -> Iterator[Clip]:
    rows = load_data(SAMPLE)["train"]
    for row in range(0, len(rows), max(1, len(rows) // CLIPS)):
        clip = resample(clip_at(rows, row), sample_rate)
        yield Clip(clip.samples[: int(max_seconds * sample_rate)], sample_rate)

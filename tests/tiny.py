"""Tiny things to test with: real architectures with random weights, and data sets of tones."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

LABELS = ("low", "middle", "high")
PITCH = {"low": 220.0, "middle": 660.0, "high": 1760.0}  # Hz


def tone(label: str, seed: int = 0, seconds: float = 1.0, sample_rate: int = 8000) -> np.ndarray:
    """Return a noisy tone, (n,) float32, whose pitch tells its label."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = PITCH[label] * rng.uniform(0.9, 1.1)
    return (0.3 * np.sin(2 * np.pi * pitch * time) + 0.02 * rng.standard_normal(time.size)).astype(
        np.float32
    )


def wav_bytes(samples: np.ndarray, sample_rate: int = 8000) -> bytes:
    """Return the samples as a 16-bit WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def tone_folder(folder: Path, clips_per_label: int = 10, labels: tuple[str, ...] = LABELS) -> Path:
    """Write a data set of tones, one folder per label, and return its folder."""
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for seed in range(clips_per_label):
            (folder / label / f"{label}-{seed:02d}.wav").write_bytes(
                wav_bytes(tone(label, seed, seconds=0.8 + 0.05 * (seed % 5)))
            )
    return folder


def tiny_whisper(
    folder: Path,
    labels: tuple[str, ...] = LABELS,
    window_seconds: int = 2,
    sample_rate: int = 16_000,
    half: bool = False,
    **config: object,
) -> Path:
    """Save a Whisper classifier of two small random layers and return its folder."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForAudioClassification

    torch.manual_seed(0)
    whole = WhisperConfig(
        d_model=32,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=64,
        num_mel_bins=80,
        max_source_positions=50 * window_seconds,
        vocab_size=64,
        classifier_proj_size=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        id2label=dict(enumerate(labels)),
        label2id={name: i for i, name in enumerate(labels)},
        **config,
    )
    model = WhisperForAudioClassification(whole).eval()
    (model.half() if half else model).save_pretrained(folder)
    WhisperFeatureExtractor(
        chunk_length=window_seconds, sampling_rate=sample_rate, hop_length=sample_rate // 100
    ).save_pretrained(folder)
    return folder


def tiny_wav2vec2(
    folder: Path,
    labels: tuple[str, ...] = LABELS,
    family: str = "wav2vec2",
    sample_rate: int = 16_000,
    half: bool = False,
    attention_mask: bool = False,
    **config: object,
) -> Path:
    """Save a classifier of two small random layers of a wav2vec2-type family, return its folder."""
    import torch
    from transformers import AutoConfig, AutoModelForAudioClassification, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    sizes: dict[str, object] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "conv_dim": (16, 16, 16),
        "conv_kernel": (10, 8, 4),
        "conv_stride": (10, 8, 4),
        "num_feat_extract_layers": 3,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "classifier_proj_size": 16,
        "vocab_size": 32,
        "mask_time_length": 2,
        "id2label": dict(enumerate(labels)),
        "label2id": {name: i for i, name in enumerate(labels)},
    }
    whole = AutoConfig.for_model(family, **{**sizes, **config})
    model = AutoModelForAudioClassification.from_config(whole).eval()
    (model.half() if half else model).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        return_attention_mask=attention_mask, sampling_rate=sample_rate
    ).save_pretrained(folder)
    return folder


_SUM = {"use_weighted_layer_sum": True}
_MULTI, _NUMBERS = {"problem_type": "multi_label_classification"}, {"problem_type": "regression"}
_LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "attention_mask": True}

# A base of each family that the page offers, and bases as strangers publish them.
BASES = {
    "whisper": partial(tiny_whisper),
    "wav2vec2": partial(tiny_wav2vec2),
    "hubert": partial(tiny_wav2vec2, family="hubert"),
    "wavlm": partial(tiny_wav2vec2, family="wavlm"),
    "xls-r": partial(tiny_wav2vec2, **_LAYER_NORM),
    "whisper, weighted sum": partial(tiny_whisper, **_SUM),
    "wav2vec2, weighted sum": partial(tiny_wav2vec2, layerdrop=0.9, **_SUM),
    "hubert, weighted sum": partial(tiny_wav2vec2, family="hubert", layerdrop=0.9, **_SUM),
    "wavlm, weighted sum": partial(tiny_wav2vec2, family="wavlm", layerdrop=0.9, **_SUM),
    "whisper, multi-label": partial(tiny_whisper, **_MULTI),
    "wav2vec2, multi-label": partial(tiny_wav2vec2, **_MULTI),
    "whisper, regression": partial(tiny_whisper, **_NUMBERS),
    "hubert, regression": partial(tiny_wav2vec2, family="hubert", **_NUMBERS),
    "whisper, 8 kHz": partial(tiny_whisper, sample_rate=8_000),
    "wav2vec2, 8 kHz": partial(tiny_wav2vec2, sample_rate=8_000),
    "whisper, half precision": partial(tiny_whisper, half=True),
    "wavlm, half precision": partial(tiny_wav2vec2, family="wavlm", half=True),
    "whisper, more outputs": partial(tiny_whisper, output_hidden_states=True, return_dict=False),
    "wav2vec2, more outputs": partial(tiny_wav2vec2, output_hidden_states=True, return_dict=False),
}

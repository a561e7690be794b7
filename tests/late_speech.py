"""Recordings in which somebody speaks late."""

from pathlib import Path

import numpy as np

from intent.audio.clip import Clip, read_clip, write_wav
from intent.paths import EXAMPLES

SECONDS_BEFORE = 16.0  # more than the bundled checkpoint's window


def faint_noise(seconds: float, sample_rate: int, seed: int = 0) -> np.ndarray:
    """Return noise at -54 dB, (n,) float32."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    return (0.002 * noise).astype(np.float32)


def late(example: str, seconds_before: float = SECONDS_BEFORE, seed: int = 0) -> Clip:
    """Return faint noise and then an example clip, such as "pay-a-bill"."""
    clip = read_clip(EXAMPLES / f"{example}.wav")
    noise = faint_noise(seconds_before, clip.sample_rate, seed)
    return Clip(np.concatenate([noise, clip.samples]), clip.sample_rate)


def late_folder(root: Path, copies: int = 1) -> Path:
    """Write recordings of two intents that begin with noise, in folders named after their labels."""
    for label, example in (("pay_bill", "pay-a-bill"), ("freeze", "freeze-my-card")):
        (root / label).mkdir(parents=True)
        for seed in range(copies):
            write_wav(late(example, seed=seed), root / label / f"{seed}.wav")
    return root

"""Altered copies of a clip: other tempo and pitch, or noise; the same each time."""

import numpy as np

from intent.audio.clip import Clip, resample

TEMPO_CHANGES = (0.9, 1.1)
NOISE_DB = 15.0  # signal to noise


def altered(clip: Clip, clip_hash: str, copy: int) -> Clip:
    """Return copy number `copy` of a clip; copy 0 is the clip itself.

    Copy 1 has white noise at 15 dB; copies 2 and 3 are slower and faster by 10 %, pitch included (Ko
    et al. 2015, "Audio augmentation for speech recognition"); further copies have both.
    """
    if copy == 0:
        return clip
    rng = np.random.default_rng([int(clip_hash[:8], 16), copy])
    if copy == 1:
        return _with_noise(clip, rng)
    if copy <= 1 + len(TEMPO_CHANGES):
        return _at_tempo(clip, TEMPO_CHANGES[copy - 2])
    return _with_noise(_at_tempo(clip, rng.uniform(*TEMPO_CHANGES)), rng)


def _at_tempo(clip: Clip, tempo: float) -> Clip:
    played = Clip(clip.samples, round(clip.sample_rate * tempo))
    return Clip(resample(played, clip.sample_rate).samples, clip.sample_rate)


def _with_noise(clip: Clip, rng: np.random.Generator) -> Clip:
    level = np.sqrt(np.mean(np.square(clip.samples))) * 10 ** (-NOISE_DB / 20)
    noise = rng.standard_normal(clip.samples.size).astype(np.float32)
    return Clip(clip.samples + np.float32(level) * noise, clip.sample_rate)

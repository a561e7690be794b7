"""Augment clips with noise, a changed tempo and pitch, or an acoustic condition; deterministic."""

import numpy as np

from intent.audio.clip import Clip, resample
from intent.audio.conditions import Condition, microphone, room, telephone
from intent.audio.level import rms

VERSION = 2  # of what a copy sounds like
TEMPO_CHANGES = (0.9, 1.1)
NOISE_DB = 15.0  # signal-to-noise ratio
COPY_CONDITIONS: tuple[Condition, ...] = (
    room,
    telephone,
    room,
    microphone,
)  # of the copies from 4 on


def augment(clip: Clip, clip_hash: str, copy: int) -> Clip:
    """Return augmented copy number `copy` of a clip; copy 0 is the clip itself.

    Copy 1 has white noise at 15 dB; copies 2 and 3 are 10 % slower and faster, pitch included (Ko
    et al. 2015, "Audio augmentation for speech recognition"); further copies have a tempo in between
    and sound like across a noisy room, by telephone, or through a small microphone.
    """
    if copy == 0:
        return clip
    rng = np.random.default_rng([int(clip_hash[:8], 16), copy])
    if copy == 1:
        return _add_noise(clip, rng)
    first = 2 + len(TEMPO_CHANGES)
    if copy < first:
        return _change_tempo(clip, TEMPO_CHANGES[copy - 2])
    condition = COPY_CONDITIONS[(copy - first) % len(COPY_CONDITIONS)]
    return condition(_change_tempo(clip, rng.uniform(*TEMPO_CHANGES)), rng)


def _change_tempo(clip: Clip, tempo: float) -> Clip:
    played = Clip(clip.samples, round(clip.sample_rate * tempo))
    return Clip(resample(played, clip.sample_rate).samples, clip.sample_rate)


def _add_noise(clip: Clip, rng: np.random.Generator) -> Clip:
    level = rms(clip.samples) * 10 ** (-NOISE_DB / 20)
    noise = rng.standard_normal(clip.samples.size).astype(np.float32)
    return Clip(clip.samples + np.float32(level) * noise, clip.sample_rate)

"""Turns clean speech into what a telephone line delivers: narrow, coarse, a little noisy."""

import numpy as np
import soxr
from scipy.signal import butter, sosfilt

TELEPHONE_RATE = 8000  # Hz
TELEPHONE_BAND = (300.0, 3400.0)  # Hz
MU = 255  # companding constant of G.711 µ-law
BITS = 13  # what is kept of 16: µ-law resolves no more, and FLAC leaves the empty bits out
EDGE_SECONDS = 0.15  # silence left before and after the words
SPEECH_THRESHOLD = 0.02  # of the peak, -34 dB: quieter frames at the edges are silence
LEVELS = (-28.0, -20.0)  # dBFS, root mean square of a clip
NOISES = (-40.0, -32.0)  # dB relative to the speech
PEAK = 0.9  # of full scale; louder clips are turned down to it


def decibels(value: float) -> float:
    return 10.0 ** (value / 20.0)


def trim(sound: np.ndarray, rate: int) -> np.ndarray:
    """Cuts the silence at both ends to EDGE_SECONDS, adding some where there was less."""
    loud = np.flatnonzero(np.abs(sound) > SPEECH_THRESHOLD * np.abs(sound).max())
    edge = round(EDGE_SECONDS * rate)
    padded = np.pad(sound, edge)
    return padded[loud[0] : loud[-1] + 2 * edge]


def compand(sound: np.ndarray) -> np.ndarray:
    """Passes sound in [-1, 1] through the 256 levels of µ-law and back (ITU-T G.711, formula)."""
    squeezed = np.sign(sound) * np.log1p(MU * np.abs(sound)) / np.log1p(MU)
    levels = np.round(squeezed * 127) / 127
    return np.sign(levels) * np.expm1(np.abs(levels) * np.log1p(MU)) / MU


def telephone(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Makes speech at any rate what a telephone delivers: int16, 8 kHz, the low bits zero."""
    narrow = soxr.resample(sound.astype(np.float64), rate, TELEPHONE_RATE)
    band = butter(4, TELEPHONE_BAND, "bandpass", fs=TELEPHONE_RATE, output="sos")
    speech = sosfilt(band, trim(narrow, TELEPHONE_RATE))
    speech *= decibels(rng.uniform(*LEVELS)) / np.sqrt(np.mean(speech**2))
    hiss = sosfilt(band, rng.standard_normal(len(speech)))
    hiss *= decibels(rng.uniform(*NOISES)) * np.sqrt(np.mean(speech**2) / np.mean(hiss**2))
    line = speech + hiss
    line *= min(1.0, PEAK / np.abs(line).max())
    coarse = np.round(compand(line) * 2 ** (BITS - 1))
    return (coarse * 2 ** (16 - BITS)).astype(np.int16)

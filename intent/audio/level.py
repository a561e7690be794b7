"""Loudness of a recording, as the root mean square (RMS) of its samples; full scale is 1."""

import numpy as np

LEVEL_SECONDS = 0.25  # length of the loudest stretch


def rms(samples: np.ndarray) -> np.floating:
    """Return the root mean square of samples (n,)."""
    return np.sqrt(np.mean(np.square(samples)))


def loudest_rms(samples: np.ndarray, sample_rate: int) -> float:
    """Return the RMS of the loudest quarter second of samples (n,), without their offset.

    Pauses in a recording do not lower it, as they would lower the RMS of the whole.
    """
    offset = samples.mean(dtype=np.float64)
    width = max(1, min(int(LEVEL_SECONDS * sample_rate), len(samples)))
    starts = range(0, len(samples) - width + 1, width)
    # One stretch at a time: five minutes at once would take 38 MB per copy in float64.
    return float(max(rms(samples[start : start + width] - offset) for start in starts))

"""Recordings that can hardly be heard: silent, clipped or very short."""

import numpy as np

from intent.audio.clip import Clip

SHORT_SECONDS = 1.0  # of 1,155 recordings of MInDS-14 (en-US, en-GB) the shortest lasts 1.7 s
SILENT_LEVEL = 0.00316  # -50 dB below full scale; the quietest of these has -38 dB
LEVEL_SECONDS = 0.25  # the loudest stretch of this length is what counts
CLIPPED_PEAK = 0.9  # of full scale; mu-law and lossy codecs end a little below it
CLIPPED_SHARE = 0.001  # of the samples, within 1 % of the peak; speech has a tenth of that


def flaw(clip: Clip) -> str:
    """Return what makes a clip hard to hear: "silent", "clipped", "very short", or ""."""
    samples = np.abs(clip.samples)
    if _loudest(clip) < SILENT_LEVEL:
        return "silent"
    peak = samples.max()
    if peak >= CLIPPED_PEAK and (samples >= 0.99 * peak).mean() >= CLIPPED_SHARE:
        return "clipped"
    return "very short" if clip.seconds < SHORT_SECONDS else ""


def _loudest(clip: Clip) -> float:
    """The root mean square of the loudest quarter second, without offset."""
    samples = clip.samples - clip.samples.mean(dtype=np.float64)
    width = max(1, min(int(LEVEL_SECONDS * clip.sample_rate), len(samples)))
    whole = len(samples) // width * width
    return float(np.sqrt(np.square(samples[:whole]).reshape(-1, width).mean(axis=1).max()))

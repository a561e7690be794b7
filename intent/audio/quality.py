"""Detect recordings that are silent, clipped or very short."""

import numpy as np

from intent.audio.clip import Clip
from intent.audio.level import loudest_rms

SHORT_SECONDS = 1.0  # the shortest of 1,155 recordings of MInDS-14 (en-US, en-GB) has 1.7 s
SILENT_LEVEL = 0.00316  # 50 dB below full scale; the quietest of these is 38 dB below
CLIPPED_PEAK = 0.9  # of full scale; mu-law and lossy codecs clip a little below it
CLIPPED_SHARE = 0.001  # of the samples, within 1 % of the peak; speech has a tenth of that


def flaw(clip: Clip) -> str:
    """Return the flaw of a clip: "silent", "clipped", "very short", or "" for none."""
    samples = np.abs(clip.samples)
    if loudest_rms(clip.samples, clip.sample_rate) < SILENT_LEVEL:
        return "silent"
    peak = samples.max()
    if peak >= CLIPPED_PEAK and (samples >= 0.99 * peak).mean() >= CLIPPED_SHARE:
        return "clipped"
    return "very short" if clip.seconds < SHORT_SECONDS else ""

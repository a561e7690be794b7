"""Collect mono samples block by block, in bounded memory."""

import numpy as np
import soxr

# A clip keeps its own sample rate up to this many samples (5 min at 48 kHz, 58 MB), because caches
# and runs identify clips by a hash at that rate. A longer one, such as 2 min at 192 kHz, is resampled
# to 16 kHz while it is decoded: all models here use that rate.
MAX_SAMPLES = 14_400_000
REDUCED_RATE = 16_000  # Hz
BLOCK_SAMPLES = 65_536  # that are resampled at a time


class SampleBuffer:
    """A growing recording: kept at its own rate up to MAX_SAMPLES, then resampled to 16 kHz."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate  # Hz, of the samples added
        self.count = 0  # samples added so far
        self._bytes = bytearray()  # float32; grows in place, unlike an array
        self._resampler: soxr.ResampleStream | None = None

    def add(self, samples: np.ndarray) -> None:
        """Append a block, (n,) float32."""
        self.count += len(samples)
        if self._resampler is None and self.count > MAX_SAMPLES:
            self._start_resampling()
        self._bytes += (
            self._resampler.resample_chunk(samples) if self._resampler else samples
        ).data

    def finish(self) -> tuple[np.ndarray, int]:
        """Return all samples, (n,) float32, and their rate in Hz; call it once, at the end."""
        if self._resampler is None:
            return np.frombuffer(self._bytes, np.float32), self.sample_rate
        self._bytes += self._resampler.resample_chunk(np.zeros(0, np.float32), last=True).data
        return np.frombuffer(self._bytes, np.float32), REDUCED_RATE

    def _start_resampling(self) -> None:
        before = np.frombuffer(self._bytes, np.float32)
        self._bytes = bytearray()
        self._resampler = soxr.ResampleStream(self.sample_rate, REDUCED_RATE, 1, dtype="float32")
        for start in range(0, len(before), BLOCK_SAMPLES):
            block = before[start : start + BLOCK_SAMPLES]
            self._bytes += self._resampler.resample_chunk(block).data


def downmix(block: np.ndarray, max_amplitude: float) -> tuple[np.ndarray, int]:
    """Return a block (n, channels) as mono (n,) float32, and the number of damaged values.

    Damaged values (not finite, or louder than max_amplitude) become silence.
    """
    bad = ~(np.abs(block) <= max_amplitude)  # also true for NaN
    damaged = int(np.count_nonzero(bad))
    whole = np.where(bad, 0, block) if damaged else block
    if block.shape[1] == 1:  # no mean needed; adding 0 turns -0 into 0
        return whole[:, 0] + np.float32(0), damaged
    return whole.mean(axis=1, dtype=np.float64).astype(np.float32), damaged

"""Mono samples gathered block by block, in memory that a recording's rate and length cannot grow."""

import numpy as np
import soxr

# A clip keeps its own rate while it fits (5 min at 48 kHz are 58 MB, so what devices record does),
# since caches and runs know clips by a hash at that rate. A longer one, such as 2 min at 192 kHz,
# is brought to 16 kHz as it is decoded: no model here hears more.
MAX_SAMPLES = 14_400_000
REDUCED_RATE = 16_000  # Hz
BLOCK_SAMPLES = 65_536  # resampled at a time


class SampleBuffer:
    """Mono samples as they come, at their own rate as long as they are few enough."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate  # Hz, of what is added
        self.count = 0  # samples that were added
        self._bytes = bytearray()  # of float32; it grows in place, where arrays would be copied
        self._reduce: soxr.ResampleStream | None = None

    def add(self, samples: np.ndarray) -> None:
        """Add a block, (n,) float32."""
        self.count += len(samples)
        if self._reduce is None and self.count > MAX_SAMPLES:
            self._start_to_reduce()
        self._bytes += (self._reduce.resample_chunk(samples) if self._reduce else samples).data

    def finish(self) -> tuple[np.ndarray, int]:
        """Return all samples, (n,) float32, and their rate in Hz; none can be added any more."""
        if self._reduce is None:
            return np.frombuffer(self._bytes, np.float32), self.sample_rate
        self._bytes += self._reduce.resample_chunk(np.zeros(0, np.float32), last=True).data
        return np.frombuffer(self._bytes, np.float32), REDUCED_RATE

    def _start_to_reduce(self) -> None:
        before = np.frombuffer(self._bytes, np.float32)
        self._bytes = bytearray()
        self._reduce = soxr.ResampleStream(self.sample_rate, REDUCED_RATE, 1, dtype="float32")
        for start in range(0, len(before), BLOCK_SAMPLES):
            block = before[start : start + BLOCK_SAMPLES]
            self._bytes += self._reduce.resample_chunk(block).data


def downmix(block: np.ndarray, max_amplitude: float) -> tuple[np.ndarray, int]:
    """Return a block (n, channels) as (n,) float32, and how many of its values are damaged.

    Damaged values are not finite or louder than max_amplitude; they become silence.
    """
    bad = ~(np.abs(block) <= max_amplitude)  # true for NaN, too
    damaged = int(np.count_nonzero(bad))
    whole = np.where(bad, 0, block) if damaged else block
    if block.shape[1] == 1:  # a mean of one, without the way through float64; -0 becomes 0
        return whole[:, 0] + np.float32(0), damaged
    return whole.mean(axis=1, dtype=np.float64).astype(np.float32), damaged

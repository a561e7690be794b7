"""Find recordings whose channels cancel out when they are mixed, as with inverted phase."""

from collections.abc import Iterator

import numpy as np

from intent.audio.decoding import Block

# Power of the mix, relative to that of channels that have nothing in common: 1 for those, up to the
# number of channels for equal ones. At a hundredth, the mix has lost the signal.
CANCELLED = 0.01
ROUNDING = 1e-5  # a power below this share of the mean square is an error of rounding


class ChannelPowers:
    """The power of each channel of a recording and that of their mix, measured block by block."""

    def __init__(self, max_amplitude: float) -> None:
        self.max_amplitude = max_amplitude  # louder values are damage, and count as silence
        self.frames = 0
        self._sums = np.zeros(0)  # of the values of each channel, (channels,)
        self._products = np.zeros((0, 0))  # of the values of two channels, (channels, channels)
        self._is_same = True  # the number of channels, in all blocks

    def measured(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield the blocks as they are, and measure those of several channels."""
        for rate, block in blocks:
            if block.shape[1] > 1:
                self._add(block)
            yield rate, block

    def loudest_if_cancelled(self) -> int | None:
        """Return the loudest channel if the mix loses the signal, or None if it keeps it."""
        if not self.frames or not self._is_same:
            return None
        squares = self._products / self.frames
        means = self._sums / self.frames
        shared = squares - np.outer(means, means)  # without offsets, which are not signal
        powers = np.where(shared.diagonal() > ROUNDING * squares.diagonal(), shared.diagonal(), 0)
        # Both are to be divided by the square of the number of channels.
        mix, unrelated = shared.sum(), powers.sum()
        is_cancelled = unrelated > 0 and mix < CANCELLED * unrelated
        return int(np.argmax(powers)) if is_cancelled else None

    def _add(self, block: np.ndarray) -> None:
        """Count a block, (frames, channels) float32."""
        with np.errstate(over="ignore", invalid="ignore"):
            products = block.T @ block
        if not products.max() < self.max_amplitude**2:  # there may be damage: also true for NaN
            block = np.where(np.abs(block) <= self.max_amplitude, block, 0).astype(np.float64)
            products = block.T @ block
        if not self.frames:
            self._sums = np.zeros(len(products))
            self._products = np.zeros(products.shape)
        self._is_same = self._is_same and len(products) == len(self._sums)
        if self._is_same:
            self.frames += len(block)
            # A product, because a sum along the frames takes thirty times as long.
            self._sums += np.ones(len(block), block.dtype) @ block
            self._products += products

"""Extrapolate a learning curve: the accuracy to expect from more recordings of the same kind."""

from collections.abc import Sequence

import numpy as np

MIN_POINTS = 5
FIRST_SHARE = 0.25  # of all clips; before that, some intents have no clip yet
EXPONENTS = (0.02, 0.5)  # a flatter curve is not extrapolated; a steeper one is clipped
STEPS = 12  # points after the first


def continuation(
    points: Sequence[tuple[float, float]], factor: float = 2.0
) -> tuple[tuple[float, float], ...]:
    """Return points (clips, accuracy) from the last one up to `factor` times its clips.

    `points` are (clips, accuracy 0..1) in order. The error is modeled as a power law of the number
    of clips (Hestness et al. 2017, "Deep learning scaling is predictable, empirically"), fitted as
    a line to the logarithms with more weight on later points. Empty if there are too few points or
    the error does not fall.
    """
    if not points:
        return ()
    last_clips, last_accuracy = points[-1]
    used = [(n, 1 - accuracy) for n, accuracy in points if n > 0 and n >= FIRST_SHARE * last_clips]
    used = [(n, error) for n, error in used if error > 0]
    if len({n for n, _ in used}) < MIN_POINTS or last_accuracy >= 1:
        return ()
    clips, errors = np.array(used).T
    slope, _ = np.polyfit(np.log(clips), np.log(errors), 1, w=np.sqrt(clips / clips.max()))
    exponent = -float(slope)
    if exponent < EXPONENTS[0]:
        return ()
    exponent = min(exponent, EXPONENTS[1])
    return tuple(
        (last_clips * grown, 1 - (1 - last_accuracy) * float(grown) ** -exponent)
        for grown in np.linspace(1.0, factor, STEPS + 1)
    )

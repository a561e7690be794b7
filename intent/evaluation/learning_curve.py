"""Where a learning curve is heading: what more recordings of the same kind would probably give."""

from collections.abc import Sequence

import numpy as np

MIN_POINTS = 5
FIRST_SHARE = 0.25  # of the clips heard; before that, whole intents are still missing
EXPONENTS = (0.02, 0.5)  # a flatter curve has no shape to go by; none is trusted to be steeper
STEPS = 12  # points of the continuation after the first


def continuation(
    points: Sequence[tuple[float, float]], factor: float = 2.0
) -> tuple[tuple[float, float], ...]:
    """Return (clips, accuracy) from the last point on to `factor` times its clips.

    `points` are (clips, accuracy 0..1) in order. The error is taken to fall as a power of the
    number of clips (Hestness et al. 2017, "Deep learning scaling is predictable, empirically"), by
    a straight line through the logarithms, later points counting more. Empty where there are too
    few points, or no fall to go by.
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

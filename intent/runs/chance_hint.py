"""A curve that stays at chance: is it one, and what is a learner told?"""

from intent.evaluation.metrics import interval
from intent.recipes import Recipe
from intent.runs.events import History

PATIENCE = 0.1  # of the epochs, before anything is said

USUAL = (
    "Still at chance, which says little yet: encoders of the wav2vec2 type often stay there for long "
    "and then learn quickly. XLS-R was right 8 times of 100 after 8 epochs on these recordings, and "
    "71 times after 16. Let it go on."
)
GUIDE = (
    "Still at chance, where the guide's own hyperparameters usually end: about forty updates, on the "
    "first second of each recording. Let it end to see it, or choose Instant or Recommended."
)


def plateau(history: History, recipe: Recipe) -> str | None:
    """Return what to say while a fine-tuning is no better than chance; None where nothing is.

    At chance: the last test accuracy's 95 % interval reaches down to it, after two tests or a tenth of
    the epochs.
    """
    if recipe.method != "fine-tune" or history.end or not history.started or not history.chance:
        return None
    tested = [point for point in history.evaluations if point.epoch]
    clips = history.started.test_clips
    if not tested or not clips:
        return None
    last = tested[-1]
    if len(tested) < 2 and last.epoch < PATIENCE * recipe.epochs:
        return None
    lowest, _ = interval(round(last.accuracy * clips), clips)
    if lowest > history.chance:
        return None
    return GUIDE if recipe.preset == "guide" else USUAL

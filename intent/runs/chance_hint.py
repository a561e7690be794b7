"""A hint for a run whose accuracy stays at chance level."""

from intent.evaluation.metrics import interval
from intent.recipes import Recipe
from intent.runs.events import History

PATIENCE = 0.1  # of the epochs, before the hint is shown

USUAL = (
    "Accuracy is still at chance level, which is common: wav2vec2-type encoders often stay there for "
    "many epochs and then improve quickly. On MInDS-14, XLS-R reached 8 % after 8 epochs and 71 % "
    "after 16. Let the run continue."
)
GUIDE = (
    "Accuracy is still at chance level, as is usual with the guide's hyperparameters: they make few "
    "updates (about 40 for 450 recordings) and use only the first second of each recording. Let the "
    "run finish, or choose Instant or Recommended."
)


def plateau(history: History, recipe: Recipe) -> str | None:
    """Return the hint for a run that is fine-tuning at chance level, else None.

    At chance level: the 95 % interval of the latest test accuracy includes it, after two evaluations
    or a tenth of the epochs.
    """
    if recipe.method != "fine-tune" or history.end or not history.started or not history.chance:
        return None
    tested = [(point.epoch, point.accuracy) for point in history.evaluations if point.epoch]
    clips = history.started.test_clips
    if not tested or not clips:
        return None
    epoch, accuracy = tested[-1]
    if len(tested) < 2 and epoch < PATIENCE * recipe.epochs:
        return None
    lowest, _ = interval(round(accuracy * clips), clips)
    if lowest > history.chance:
        return None
    return GUIDE if recipe.preset == "guide" else USUAL

"""Names of the phases of a run, as users see them."""

LOADING_DATA = "Loading data"
LOADING_BASE = "Loading the base model"
MUTING_PADDING = "Preparing the encoder"
READING_AUDIO = "Reading audio"
COMPUTING_FEATURES = "Computing features"
TEST_FEATURES = "Computing features of the test set"
TRAINING_FEATURES = "Computing features of the training set"
FITTING = "Fitting the classifier"
CALIBRATING = "Calibrating"
EVALUATING = "Evaluating"
SAVING = "Saving"


def training(epoch: int, epochs: float) -> str:
    """Return the name of an epoch."""
    return f"Training, epoch {epoch} of {epochs:g}"

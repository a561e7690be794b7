"""What a person can mend: each such failure is an IntentError, its message a sentence for them."""


class IntentError(Exception):
    """A failure that the user can mend; it says what was expected, found and to do next."""


class AudioError(IntentError):
    """A recording that cannot be heard."""


class DataError(IntentError):
    """A data set that cannot be read or trained on."""


class CheckpointError(IntentError):
    """A checkpoint that cannot be loaded or does not fit."""


class RecipeError(IntentError):
    """A hyperparameter that is unknown or out of range."""


class RunError(IntentError):
    """A run that cannot be started, stopped or stored."""


class AccessError(IntentError):
    """A request for something that this visitor may not do."""


class HubError(IntentError):
    """A push to the Hub that did not succeed; the run is as it was."""

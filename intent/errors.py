"""Errors that the user can fix, and the exit codes of our programs."""

from collections.abc import Iterator
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line and the app."""

    DONE = 0
    INTERNAL_ERROR = 1
    USER_ERROR = 2  # a problem that the user can fix
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class IntentError(Exception):
    """A problem that the user can fix: the message says what was expected, found, and to do next."""


class AudioError(IntentError):
    """A recording cannot be read or classified."""


class TooLongError(AudioError):
    """A recording is longer, or has more samples, than is allowed for what it is read for."""


class DataError(IntentError):
    """A data set cannot be read or trained on."""


class CheckpointError(IntentError):
    """A checkpoint cannot be loaded or does not fit."""


class RecipeError(IntentError):
    """A hyperparameter is unknown or out of range."""


class RunError(IntentError):
    """A run cannot be started, stopped or stored."""


class AccessError(IntentError):
    """The visitor is not allowed to do this."""


class HubError(IntentError):
    """A push to the Hub failed; the run is unchanged."""


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors that caused it, the root cause last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

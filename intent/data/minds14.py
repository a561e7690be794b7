"""Load MInDS-14 from the Hugging Face Hub, with a time limit on every request."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from intent.compat import cached_dataset
from intent.data.local import without_progress_bars
from intent.data.schema import Part
from intent.errors import DataError
from intent.hub_http import limit_waits, reason_of, token
from intent.paths import MINDS14_HUB_ID
from intent.writable import make_cache_writable

if TYPE_CHECKING:
    from datasets import Dataset

LOCALES = (
    "cs-CZ",
    "de-DE",
    "en-AU",
    "en-GB",
    "en-US",
    "es-ES",
    "fr-FR",
    "it-IT",
    "ko-KR",
    "nl-NL",
    "pl-PL",
    "pt-PT",
    "ru-RU",
    "zh-CN",
)
CLIPS = {"en-GB": 592, "en-US": 563}  # only the locales that were counted
MEAN_SECONDS = 8.4  # per clip of these two locales
DOWNLOAD_SECONDS = 900  # time limit of one locale, about 35 MB

T = TypeVar("T")


class _TimeLimitError(TimeoutError):
    """A call did not return within its time limit."""


def hub_parts(locales: Sequence[str]) -> list[Part]:
    """Return the requested locales of MInDS-14, each with the single split "train".

    Uses the token of this machine, except for requests of public visitors. If the Hub does not
    respond, the cache of `datasets` is used. Raises DataError for an unknown locale, and for one
    that is neither reachable nor cached.
    """
    _check_known(locales)
    limit_waits()
    make_cache_writable(MINDS14_HUB_ID, "datasets")
    problem = _unreachable()

    def load(locale: str) -> "Dataset":
        call = _load_cached if problem else _load
        return _with_time_limit(DOWNLOAD_SECONDS, lambda: call(locale))

    try:
        with without_progress_bars():
            return [Part(load(locale), "train", locale) for locale in locales]
    except Exception as error:  # from httpx, huggingface_hub, datasets or the disk
        raise _not_fetched(problem or reason_of(error)) from error


def check_reachable(locales: Sequence[str]) -> None:
    """Raise DataError if `hub_parts` would fail to load; makes at most one request."""
    _check_known(locales)
    limit_waits()
    problem = _unreachable()
    try:
        for locale in locales if problem else ():
            cached_dataset(MINDS14_HUB_ID, locale)
    except Exception as error:  # not cached, or incomplete
        raise _not_fetched(str(problem)) from error


def _check_known(locales: Sequence[str]) -> None:
    unknown = [locale for locale in locales if locale not in LOCALES]
    if unknown:
        raise DataError(f'MInDS-14 has no locale "{unknown[0]}": choose from {", ".join(LOCALES)}.')


def _not_fetched(reason: str) -> DataError:
    return DataError(
        f"MInDS-14 could not be downloaded from the Hugging Face Hub ({reason}): "
        "choose the bundled sample, or a folder of recordings."
    )


def _load(locale: str) -> "Dataset":
    from datasets import load_dataset

    return load_dataset(MINDS14_HUB_ID, name=locale, split="train", token=token())


def _load_cached(locale: str) -> "Dataset":
    return cached_dataset(MINDS14_HUB_ID, locale).as_dataset(split="train")


def _unreachable() -> str | None:
    """Return why the Hub is unreachable, or None, by one request without retries."""
    from huggingface_hub import HfApi, constants

    seconds = constants.HF_HUB_ETAG_TIMEOUT  # 10 s, or the user's own setting
    api = HfApi(token=token())
    try:
        _with_time_limit(seconds, lambda: api.dataset_info(MINDS14_HUB_ID, timeout=seconds))
    except Exception as error:  # noqa: BLE001 - any error means that the Hub is unreachable
        return reason_of(error)
    return None


def _with_time_limit(seconds: float, call: Callable[[], T]) -> T:
    """Return the result of a call, or raise after a time limit.

    Some waits, such as a name lookup, have no timeout of their own. The abandoned thread is a
    daemon, so it does not keep the process alive.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="hub")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise _TimeLimitError
    return results[0]

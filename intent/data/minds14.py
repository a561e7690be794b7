"""MInDS-14 from the Hugging Face Hub, with a bound on every wait."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from intent.data.local import quiet
from intent.data.schema import Part
from intent.errors import DataError
from intent.hub_http import bound_waits, token, why
from intent.paths import MINDS14
from intent.writable import own

if TYPE_CHECKING:
    from datasets import Dataset
    from datasets.packaged_modules.cache.cache import Cache

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
CLIPS = {"en-GB": 592, "en-US": 563}  # those that were counted
MEAN_SECONDS = 8.4  # a clip of these two
DOWNLOAD_SECONDS = 900  # the longest wait for one locale, some 35 MB

T = TypeVar("T")


class _TooSlowError(TimeoutError):
    """A call that did not return in its time."""


def hub_parts(locales: Sequence[str]) -> list[Part]:
    """Return the locales of MInDS-14, each with its one "train" split.

    A token of this machine is used as huggingface_hub does, but not for strangers. Where the Hub
    does not answer, what was fetched before is taken from the cache of `datasets`. Raises
    DataError for an unknown locale, and where one is neither within reach nor in the cache.
    """
    _check_known(locales)
    bound_waits()
    own(MINDS14, "datasets")
    problem = _unreachable()
    load = _load_cached if problem else _load
    try:
        with quiet():
            return [
                Part(_within(DOWNLOAD_SECONDS, lambda name=locale: load(name)), "train", locale)
                for locale in locales
            ]
    except Exception as error:  # from httpx, huggingface_hub, datasets or the disk
        raise _not_fetched(problem or why(error)) from error


def check_reachable(locales: Sequence[str]) -> None:
    """Raise DataError, after one request at most, where `hub_parts` would find nothing to load."""
    _check_known(locales)
    bound_waits()
    problem = _unreachable()
    try:
        for locale in locales if problem else ():
            _cached(locale)
    except Exception as error:  # not in the cache, or not whole there
        raise _not_fetched(str(problem)) from error


def _check_known(locales: Sequence[str]) -> None:
    unknown = [locale for locale in locales if locale not in LOCALES]
    if unknown:
        raise DataError(
            f'There is no locale "{unknown[0]}" in MInDS-14, which has {", ".join(LOCALES)}: '
            "choose among these."
        )


def _not_fetched(reason: str) -> DataError:
    return DataError(
        f"MInDS-14 could not be fetched from the Hugging Face Hub ({reason}); "
        "choose the bundled sample, or a folder of recordings."
    )


def _load(locale: str) -> "Dataset":
    from datasets import load_dataset

    return load_dataset(MINDS14, name=locale, split="train", token=token())


def _load_cached(locale: str) -> "Dataset":
    return _cached(locale).as_dataset(split="train")


def _cached(locale: str) -> "Cache":
    """What `datasets` keeps of a locale; raises where it keeps nothing."""
    from datasets.packaged_modules.cache.cache import Cache

    name = MINDS14.split("/")[1]
    return Cache(
        dataset_name=name, config_name=locale, version="auto", hash="auto", repo_id=MINDS14
    )


def _unreachable() -> str | None:
    """Why the Hub cannot be asked, or None: one request, before those that are tried six times."""
    from huggingface_hub import HfApi, constants

    seconds = constants.HF_HUB_ETAG_TIMEOUT  # 10 s, or what the user set it to
    try:
        _within(seconds, lambda: HfApi(token=token()).dataset_info(MINDS14, timeout=seconds))
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer
        return why(error)
    return None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return what the call returns, or give it up: a name look-up, say, has no timeout of its own.

    The thread that was given up is a daemon, so it holds nobody up.
    """
    done: list[tuple[T | None, BaseException | None]] = []

    def work() -> None:
        try:
            done.append((call(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            done.append((None, error))

    thread = threading.Thread(target=work, daemon=True, name="hub")
    thread.start()
    thread.join(seconds)
    if not done:
        raise _TooSlowError
    result, error = done[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]

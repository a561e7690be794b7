"""MInDS-14 from the Hugging Face Hub, with a bound on every wait."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from intent.columns import Part
from intent.errors import DataError
from intent.folders import quiet
from intent.hub_client import bound_waits, why
from intent.paths import MINDS14
from intent.writable import own

if TYPE_CHECKING:
    from datasets import Dataset

LOCALES = (
    "cs-CZ", "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT", "ko-KR", "nl-NL",
    "pl-PL", "pt-PT", "ru-RU", "zh-CN",
)  # fmt: skip
CLIPS = {"en-GB": 592, "en-US": 563}  # those that were counted
MEAN_SECONDS = 8.4  # a clip of these two
DOWNLOAD_SECONDS = 900  # the longest wait for one locale, some 35 MB

T = TypeVar("T")


class _TooSlowError(TimeoutError):
    """A call that did not return in its time."""


def hub_parts(locales: Sequence[str]) -> list[Part]:
    """Return the locales of MInDS-14, each with its one "train" split.

    A token in HF_TOKEN is used by huggingface_hub itself. Where the Hub does not answer, what was
    fetched before is taken from the cache of `datasets`. Raises DataError for an unknown locale,
    and where a locale is neither on the Hub within reach nor in the cache.
    """
    unknown = [locale for locale in locales if locale not in LOCALES]
    if unknown:
        raise DataError(
            f'There is no locale "{unknown[0]}" in MInDS-14, which has {", ".join(LOCALES)}: '
            "choose among these."
        )
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
        raise DataError(
            f"MInDS-14 could not be fetched from the Hugging Face Hub ({problem or why(error)}); "
            "choose the bundled sample, or a folder of recordings."
        ) from error


def _load(locale: str) -> "Dataset":
    from datasets import load_dataset

    return load_dataset(MINDS14, name=locale, split="train")


def _load_cached(locale: str) -> "Dataset":
    from datasets.packaged_modules.cache.cache import Cache

    name = MINDS14.split("/")[1]
    cached = Cache(
        dataset_name=name, config_name=locale, version="auto", hash="auto", repo_id=MINDS14
    )
    return cached.as_dataset(split="train")


def _unreachable() -> str | None:
    """Why the Hub cannot be asked, or None: one request, before those that are tried six times."""
    from huggingface_hub import HfApi, constants

    seconds = constants.HF_HUB_ETAG_TIMEOUT  # 10 s, or what the user set it to
    try:
        _within(seconds, lambda: HfApi().dataset_info(MINDS14, timeout=seconds))
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

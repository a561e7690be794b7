"""Wire the page's events and API endpoints, with the options that all of them share."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from inspect import isgeneratorfunction
from typing import Literal, cast

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from intent.errors import IntentError
from intent.ui.shared.html import alert_html
from intent.ui.shared.visitors import redacted

INTERNAL_ERROR = "Internal error: try again. The details are in the server's log."
POLITE = "element.setAttribute('aria-live', 'polite');"  # a screen reader announces what changes

log = logging.getLogger(__name__)

Handler = Callable[..., object]
Updates = dict[Block, object]
"""The new value of each component that changes; the others keep theirs."""


@dataclass(frozen=True)
class Limit:
    """How many events that share a name may run at the same time, over all visitors."""

    name: str | None
    count: int | None  # None: no limit


NO_LIMIT = Limit(None, None)
ONE_PER_EVENT = Limit(None, 1)


def on(
    trigger: Callable[..., Dependency],
    handler: Handler | None,
    inputs: Block | Sequence[Block] | None = None,
    outputs: Block | Sequence[Block] | None = None,
    *,
    limit: Limit = ONE_PER_EVENT,
    trigger_mode: Literal["once", "multiple", "always_last"] | None = None,
    js: str | None = None,
    cancels: Sequence[Dependency] | None = None,
) -> Dependency:
    """Run a handler on a trigger such as `button.click`, without a spinner and outside the API.

    Return Gradio's dependency, so that `on(on(...).then, ...)` chains.
    """
    return trigger(
        handler,
        inputs,
        outputs,
        js=js,
        show_progress="hidden",
        api_visibility="private",
        concurrency_limit=limit.count,
        concurrency_id=limit.name,
        trigger_mode=trigger_mode,
        cancels=list(cancels) if cancels else None,
    )


def any_of(*triggers: Callable[..., Dependency]) -> Callable[..., Dependency]:
    """Return one trigger for `on` that fires whenever one of several does."""
    return partial(gr.on, list(triggers))


def event_value(event: gr.EventData, name: str) -> object:
    """Return a value that the browser sent with an event, which may be anything; None if absent."""
    try:
        return getattr(event, name)
    except (AttributeError, TypeError):
        return None


def no_change() -> Updates:
    """Return updates that leave every component as it is; Gradio does not accept an empty dict."""
    return cast(Updates, gr.skip())


def add_endpoint(endpoint: Handler) -> None:
    """Offer a function as an endpoint of the API, under its own name."""
    gr.api(in_sentences(endpoint), api_name=endpoint.__name__, concurrency_limit=None)


def sentence_of(error: Exception) -> str:
    """Return the sentence that a visitor reads; an internal error is logged and not shown."""
    if isinstance(error, IntentError):
        return redacted(str(error))
    log.error("Internal error: the visitor saw a general message.", exc_info=error)
    return INTERNAL_ERROR


def errors_in(
    place: Block, show: Callable[[str], object] = alert_html, also: Updates | None = None
) -> Callable[[Handler], Handler]:
    """Decorate a handler that returns or yields Updates: a failure becomes a sentence in `place`.

    `also` are further updates on a failure; the other components keep their values.
    """

    def failure(error: Exception) -> Updates:
        return {place: show(sentence_of(error)), **(also or {})}

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def yielding(*values: object) -> Iterator[object]:
            try:
                yield from cast(Iterator[object], handler(*values))
            except Exception as error:  # noqa: BLE001 - the page shows every failure as a sentence
                yield failure(error)

        @wraps(handler)
        def returning(*values: object) -> object:
            try:
                return handler(*values)
            except Exception as error:  # noqa: BLE001 - the page shows every failure as a sentence
                return failure(error)

        return yielding if isgeneratorfunction(handler) else returning

    return decorate


def in_sentences(endpoint: Handler) -> Handler:
    """Decorate an endpoint of the API: every failure becomes a gr.Error with one sentence."""

    @wraps(endpoint)
    def call(*values: object) -> object:
        try:
            return endpoint(*values)
        except Exception as error:  # noqa: BLE001 - a caller gets every failure as a sentence
            raise gr.Error(sentence_of(error), print_exception=False) from None

    return call

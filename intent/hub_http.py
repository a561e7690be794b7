"""The Hub's client with a bound on every wait, and its failures in a few words."""

import functools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from intent.proxies import proxy_for, unusable_proxy
from intent.storage import storage_problem

if TYPE_CHECKING:
    from huggingface_hub.utils import httpx

SILENCE_SECONDS = 30  # the longest that the Hub may say nothing within a request
PATIENCE_SECONDS = 10  # the longest wait that the Hub may ask for before a person is told
SENDING = ("POST", "PUT")

# The owner's tokens, by the names under which huggingface_hub looks for them.
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")

_is_anonymous = False


class SilentHubError(TimeoutError):
    """The Hub said nothing for too long; unlike a timeout of its client's, it is not tried again."""


@functools.cache
def bound_waits() -> None:
    """Give the Hub's client, which would wait for ever, the bounds of this module.

    What is fetched keeps the client's own retries. What is sent is tried again where the
    connection broke, but not where the Hub stays silent or asks for more patience than a person
    who looks on has.
    """
    from huggingface_hub.utils import _http, set_client_factory

    set_client_factory(lambda: _bounded(_http.default_client_factory()))


def be_anonymous() -> None:
    """From now on use no token of this machine in this process, nor in those that it starts.

    The environment forgets them; the one that `hf auth login` saved is passed over, by our own
    requests (`token`) and, where huggingface_hub is imported later, by all others.
    """
    global _is_anonymous
    _is_anonymous = True
    for name in TOKENS:
        os.environ.pop(name, None)
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"


def token() -> bool | None:
    """Return what to pass as `token` to fetch with: None for this machine's own, False for none."""
    return False if _is_anonymous else None


def why(error: BaseException) -> str:
    """Return the reason for a failure of the Hub in a few words, to stand in brackets."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return "offline mode is on: HF_HUB_OFFLINE"
    if problem := storage_problem(error):
        return problem.rstrip(".")
    status = status_of(error)
    if status == 429:
        wait = asked_to_wait(error)
        return f"too many requests: it asks to wait {wait} s" if wait else "too many requests"
    if status:
        is_refused = status in (401, 403) and not _is_anonymous
        return f"it answers {status}" + (": check HF_TOKEN" if is_refused else "")
    if any(
        "Timeout" in type(cause).__name__ or isinstance(cause, TimeoutError) for cause in causes
    ):
        return "it does not answer in time"
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in causes):
        return "its certificate is not trusted here: set SSL_CERT_FILE to your network's"
    if any("Connect" in type(cause).__name__ or _of_proxy(cause) for cause in causes):
        return _no_connection(causes)
    if any(_is_break(cause) for cause in causes):
        return "the connection broke"
    return " ".join(str(error).split())[:200] or type(error).__name__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that is behind a failure, if there is one."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return response.status_code
    return None


def asked_to_wait(error: BaseException) -> int | None:
    """Return for how many seconds the Hub asks to be left alone, if it says so."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return _retry_after(response)
    return None


def _bounded(client: "httpx.Client") -> "httpx.Client":
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx

    client.timeout = httpx.Timeout(SILENCE_SECONDS)
    send = client.send

    def send_once(request: "httpx.Request", **options: object) -> "httpx.Response":
        try:
            response = send(request, **options)
        except httpx.TimeoutException as error:
            if request.method not in SENDING:
                raise
            raise SilentHubError(str(error)) from None
        if response.status_code == 429 and (_retry_after(response) or 0) > PATIENCE_SECONDS:
            raise HfHubHTTPError("Too many requests.", response=response)
        return response

    client.send = send_once
    return client


def _retry_after(response: "httpx.Response") -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if value.isdigit() else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The failure and what it arose from, the first last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _no_connection(causes: list[BaseException]) -> str:
    """Why the Hub cannot be reached, with the proxy that stands between, if one does."""
    from huggingface_hub.constants import ENDPOINT

    scheme = "http" if ENDPOINT.startswith("http://") else "https"
    if broken := unusable_proxy(scheme):
        return f"the proxy that {broken} should name cannot be used: correct or unset it"
    if proxy := proxy_for(scheme):
        answers = [str(cause) for cause in causes if _of_proxy(cause)]
        said = f' says "{" ".join(answers[0].split())[:100]}"' if answers else " does not answer"
        return f"the proxy of {proxy},{said}: correct or unset it"
    return "no connection"


def _of_proxy(cause: BaseException) -> bool:
    return type(cause).__name__ == "ProxyError"


def _is_break(cause: BaseException) -> bool:
    """Whether a connection ended in the middle: httpx's words for it, or the system's."""
    names = ("RemoteProtocolError", "ReadError", "WriteError", "CloseError")
    return type(cause).__name__ in names or isinstance(cause, ConnectionError)

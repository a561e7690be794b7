"""Settings of the Hugging Face Hub's client: time limits, tokens, and short error messages."""

import functools
import os
from typing import TYPE_CHECKING, Any

from intent.errors import causes_of
from intent.proxies import proxy_for, unusable_proxy
from intent.storage import storage_problem

if TYPE_CHECKING:
    import httpx2

SILENCE_SECONDS = 30  # time limit of each wait for the Hub within a request
MAX_RETRY_SECONDS = 10  # if the Hub requests a longer wait, that is an error
SENDING = ("POST", "PUT")

# Environment variables in which huggingface_hub looks for a token.
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")

is_anonymous = False  # set by be_anonymous


class SilentHubError(TimeoutError):
    """The Hub did not answer in time; huggingface_hub does not retry this error."""


@functools.cache
def limit_waits() -> None:
    """Set this module's time limits in huggingface_hub, which has none.

    Downloads keep the client's own retries. Uploads are retried if the connection was lost, but not
    if the Hub does not respond or requests a long wait: a user is waiting.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import get_session, httpx, set_client_factory

    class LimitedClient(httpx.Client):
        def send(self, request: "httpx2.Request", **options: Any) -> "httpx2.Response":
            try:
                response = super().send(request, **options)
            except httpx.TimeoutException as error:
                if request.method not in SENDING:
                    raise
                raise SilentHubError(str(error)) from None
            if response.status_code == 429 and (_retry_after(response) or 0) > MAX_RETRY_SECONDS:
                raise HfHubHTTPError("Too many requests.", response=response)
            return response

    hooks = get_session().event_hooks  # huggingface_hub's own, which refuse requests when offline
    set_client_factory(
        lambda: LimitedClient(
            event_hooks=hooks, follow_redirects=True, timeout=httpx.Timeout(SILENCE_SECONDS)
        )
    )


def be_anonymous() -> None:
    """Stop using this machine's tokens, in this process and those that it starts.

    Removes them from the environment; the token that `hf auth login` saved is ignored by our own
    requests (`token`) and, if huggingface_hub is imported later, by all others.
    """
    global is_anonymous
    is_anonymous = True
    for name in TOKENS:
        os.environ.pop(name, None)
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"


def token() -> bool | None:
    """Return the `token` argument for downloads: None for this machine's token, False for none."""
    return False if is_anonymous else None


def reason_of(error: BaseException) -> str:
    """Return the reason of a Hub error in a few words, without a final period."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes = list(causes_of(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return "offline mode is on: HF_HUB_OFFLINE"
    if problem := storage_problem(error):
        return problem.rstrip(".")
    if status := status_of(error):
        return _reason_of_status(status, retry_seconds(error))
    if any(
        "Timeout" in type(cause).__name__ or isinstance(cause, TimeoutError) for cause in causes
    ):
        return "it did not answer in time"
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in causes):
        return (
            "its certificate is not trusted here: set SSL_CERT_FILE to your network's certificates"
        )
    if any("Connect" in type(cause).__name__ or _is_proxy_error(cause) for cause in causes):
        return _no_connection(causes)
    if any(_is_broken_connection(cause) for cause in causes):
        return "the connection was lost"
    return " ".join(str(error).split())[:200] or type(error).__name__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that caused an error, or None."""
    for cause in causes_of(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return response.status_code
    return None


def retry_seconds(error: BaseException) -> int | None:
    """Return how many seconds the Hub asks to wait before the next request, or None."""
    for cause in causes_of(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return _retry_after(response)
    return None


def _reason_of_status(status: int, wait: int | None) -> str:
    if status == 429:
        return "too many requests" + (f": try again in {wait} s" if wait else "")
    is_refused = status in (401, 403) and not is_anonymous
    return f"it returned status {status}" + (": check HF_TOKEN" if is_refused else "")


def _retry_after(response: "httpx2.Response") -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if value.isdigit() else None


def _no_connection(causes: list[BaseException]) -> str:
    """Return why the Hub cannot be reached; names the proxy, if one is used."""
    from huggingface_hub.constants import ENDPOINT

    scheme = "http" if ENDPOINT.startswith("http://") else "https"
    if unusable := unusable_proxy(scheme):
        return f"the proxy set in {unusable} cannot be used: correct or unset it"
    if proxy := proxy_for(scheme):
        errors = [" ".join(str(cause).split()) for cause in causes if _is_proxy_error(cause)]
        answer = f'answers "{errors[0][:100]}"' if errors else "does not respond"
        return f"the proxy of {proxy}, {answer}: correct or unset it"
    return "no connection"


def _is_proxy_error(cause: BaseException) -> bool:
    return type(cause).__name__ == "ProxyError"


def _is_broken_connection(cause: BaseException) -> bool:
    """Return whether the connection was lost during a request, by errors of httpx or the system."""
    names = ("RemoteProtocolError", "ReadError", "WriteError", "CloseError")
    return type(cause).__name__ in names or isinstance(cause, ConnectionError)

"""What this process is started in, made fit before any library reads it: first thing in each program."""

import errno
import os
import socket
import sys

from intent import distributed
from intent.errors import ExitCode, IntentError
from intent.plain_text import settle_output
from intent.proxies import settle_proxies
from intent.writable import settle_folders

PORT, PORTS, HOST = "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS", "GRADIO_SERVER_NAME"
CACHE_GIGABYTES = "INTENT_CACHE_GB"
FIRST_PORT, TRIED_PORTS = 7860, 100  # Gradio's own


def settle(page: bool = False) -> None:
    """Fit the environment to this program, and say once, on standard error, what is not as set.

    Child processes inherit what is settled, and say nothing. page: for the program that serves it;
    that one ends with exit code 2 where it could not be served.
    """
    settle_output()
    if not _current_folder_exists():
        _say(["The current folder does not exist any more: change to another one."])
        sys.exit(ExitCode.USER_ERROR)
    said = [*settle_proxies(), _drop_nonsense(CACHE_GIGABYTES)]
    try:
        said.append(settle_folders(page))
        if page:
            check_address()
    except IntentError as error:
        _say([*said, str(error)])
        if page:
            sys.exit(ExitCode.USER_ERROR)
        return
    _say(said)


def _current_folder_exists() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _drop_nonsense(variable: str) -> str | None:
    """Unset a variable that should hold a number of gigabytes and does not."""
    value = os.environ.get(variable)
    try:
        if not value or float(value) >= 0:  # neither holds for "nan"
            return None
    except ValueError:
        pass
    del os.environ[variable]
    return f'{variable} should be a number of gigabytes, found "{value}": the usual one is used.'


def check_address() -> None:
    """Raise IntentError where the page cannot be served at the address that the environment names."""
    first = _number(PORT, FIRST_PORT, 65535)
    count = _number(PORTS, TRIED_PORTS, 65535)
    if os.environ.get(PORT):
        count = 1  # Gradio would silently take the next one, where nobody looks for the page
    host = os.environ.get(HOST) or "127.0.0.1"
    problem = None
    for port in range(first, min(first + count, 65536)):
        problem = _bind_problem(host, port)
        if problem is None or problem.errno not in (errno.EADDRINUSE, errno.EACCES):
            break
    if problem:
        shown = f"{first}" if count == 1 else f"{first} to {first + count - 1}"
        raise IntentError(_not_served(host, shown, problem))


def _number(variable: str, default: int, highest: int) -> int:
    value = os.environ.get(variable)
    if value is None:
        return default
    if value.strip().isascii() and value.strip().isdigit() and 1 <= int(value) <= highest:
        return int(value)
    raise IntentError(
        f'{variable} should be a number from 1 to {highest}, found "{value}": correct or unset it.'
    )


def _bind_problem(host: str, port: int) -> OSError | None:
    """Why nothing can be served there, tried as the server will."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return error
    return None


def _not_served(host: str, port: str, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"The page cannot be served on port {port} of {host}, which another program uses: end "
            f"that one, or set {PORT} to another port."
        )
    if problem.errno == errno.EACCES:
        return (
            f"The page cannot be served on port {port} of {host} (permission denied): set {PORT} to "
            "a port above 1023."
        )
    return (
        f"The page cannot be served at {host} ({problem.strerror or problem}): set {HOST} to an "
        "address of this machine, or unset it."
    )


def _say(said: list[str | None]) -> None:
    if distributed.is_lead():
        for sentence in filter(None, said):
            print(" ".join(sentence.split()), file=sys.stderr, flush=True)

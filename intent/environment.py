"""Prepare the environment of a program, before any library reads it.

Each program calls `prepare_environment` first.
"""

import errno
import os
import socket
import sys

from intent import distributed
from intent.errors import ExitCode, IntentError
from intent.plain_text import configure_output
from intent.proxies import configure_proxies
from intent.writable import replace_unwritable_folders

PORT, PORTS, HOST = "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS", "GRADIO_SERVER_NAME"
CACHE_GIGABYTES = "INTENT_CACHE_GB"
FIRST_PORT, TRIED_PORTS = 7860, 100  # defaults of Gradio


def prepare_environment(page: bool = False) -> None:
    """Replace unusable settings of the environment, and report each on standard error.

    Child processes inherit the result and report nothing. page: for the program that serves the
    page; it exits with code 2 if the page cannot be served.
    """
    configure_output()
    if not _current_folder_exists():
        _report(["The current folder was deleted: change to another one."])
        sys.exit(ExitCode.USER_ERROR)
    messages = [*configure_proxies(), _unset_invalid_number(CACHE_GIGABYTES)]
    try:
        messages.append(replace_unwritable_folders(page))
        if page:
            check_address()
    except IntentError as error:
        _report([*messages, str(error)])
        if page:
            sys.exit(ExitCode.USER_ERROR)
        return
    _report(messages)


def _current_folder_exists() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _unset_invalid_number(variable: str) -> str | None:
    """Unset a variable unless it is a number of gigabytes; return a message if so."""
    value = os.environ.get(variable)
    try:
        if not value or float(value) >= 0:  # false for "nan"
            return None
    except ValueError:
        pass
    del os.environ[variable]
    return f'{variable} must be a number of gigabytes, but is "{value}": the default is used.'


def check_address() -> None:
    """Raise IntentError if the page cannot be served at the configured address."""
    first = _number(PORT, FIRST_PORT, 65535)
    count = _number(PORTS, TRIED_PORTS, 65535)
    if os.environ.get(PORT):
        count = 1  # Gradio would silently use the next port, which the user does not expect
    host = os.environ.get(HOST) or "127.0.0.1"
    problem = None
    for port in range(first, min(first + count, 65536)):
        problem = _bind_problem(host, port)
        if problem is None or problem.errno not in (errno.EADDRINUSE, errno.EACCES):
            break
    if problem:
        shown = f"{first}" if count == 1 else f"{first} to {first + count - 1}"
        raise IntentError(_address_message(host, shown, problem))


def _number(variable: str, default: int, highest: int) -> int:
    value = os.environ.get(variable)
    if value is None:
        return default
    if value.strip().isascii() and value.strip().isdigit() and 1 <= int(value) <= highest:
        return int(value)
    raise IntentError(
        f'{variable} must be a number from 1 to {highest}, but is "{value}". The default is {default}.'
    )


def _bind_problem(host: str, port: int) -> OSError | None:
    """Return the error of binding to an address as the server does, or None."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return error
    return None


def _address_message(host: str, port: str, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"The page cannot be served on port {port} of {host}, which another program uses: stop "
            f"that program, or set {PORT} to another port."
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


def _report(messages: list[str | None]) -> None:
    if distributed.is_lead():
        for message in filter(None, messages):
            print(" ".join(message.split()), file=sys.stderr, flush=True)

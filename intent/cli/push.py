"""The command `python -m intent push`."""

import argparse
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from intent.cli import output as terminal
from intent.errors import ExitCode, HubError
from intent.paths import runs_dir
from intent.runs.directory import RunDir


def push_run(options: argparse.Namespace) -> int:
    """Push a run to the Hub and print its URL."""
    from intent.runs.store import open_run

    run = open_run(Path(options.runs or runs_dir()).resolve(), options.run_id)
    return pusher(options.to, options.private, options.json)(run)


def pusher(to: str, private: bool, as_json: bool) -> Callable[[RunDir], int]:
    """Return a function that pushes a run to a model on the Hub and prints its URL.

    Checks name, token and permission immediately, so that errors occur before training and not after
    it. Raises HubError.
    """
    from intent.sharing.push import check_right, checked_name, checked_token, push

    name = checked_name(to)
    token = checked_token(_token(name))
    check_right(name, token)

    def push_to_hub(run: RunDir) -> int:
        with terminal.counter("Pushing", as_json, "%") as show:
            url = push(
                run, name, token, private, lambda phase, share: show(int(100 * (share or 0)), 100)
            )
        if as_json:
            terminal.print_json({"run": run.id, "url": url})
        else:
            print(url)
        return ExitCode.DONE

    return push_to_hub


def _token(name: str) -> str:
    from huggingface_hub import get_token  # HF_TOKEN, else what `hf auth login` saved

    from intent.sharing.push import TOKEN_PAGE

    token = get_token() or ""
    if not token:
        if not sys.stdin.isatty():
            raise HubError(
                "A token with write access is needed, but none was found: run `hf auth login` or set "
                f"HF_TOKEN ({TOKEN_PAGE})."
            )
        token = getpass(f"Token with write access to {name} (not shown as you type): ")
    return token

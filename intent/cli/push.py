"""What `python -m intent push` does."""

import argparse
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from intent.cli import output as terminal
from intent.errors import HubError
from intent.paths import runs_dir
from intent.runs.directory import RunDir

DONE = 0


def push_run(options: argparse.Namespace) -> int:
    """Push a run to the Hub and print its address there."""
    from intent.runs.store import open_run

    run = open_run(Path(options.runs or runs_dir()).resolve(), options.run_id)
    return pusher(options.to, options.private, options.json)(run)


def pusher(to: str, private: bool, as_json: bool) -> Callable[[RunDir], int]:
    """Return what pushes a run to a name and prints its address there.

    Raises HubError where a push could not succeed: before a training, rather than behind it.
    """
    from intent.sharing.push import check_right, checked_name, checked_token, push

    name = checked_name(to)
    token = checked_token(_token(name))
    check_right(name, token)

    def push_it(run: RunDir) -> int:
        with terminal.counter("pushing", as_json, "%") as show:
            url = push(
                run, name, token, private, lambda phase, share: show(int(100 * (share or 0)), 100)
            )
        if as_json:
            terminal.print_json({"run": run.id, "url": url})
        else:
            print(url)
        return DONE

    return push_it


def _token(name: str) -> str:
    from huggingface_hub import get_token  # HF_TOKEN, else what `hf auth login` saved

    from intent.sharing.push import TOKEN_PAGE

    token = get_token() or ""
    if not token:
        if not sys.stdin.isatty():
            raise HubError(
                f"A token that may write is needed: run `hf auth login` or set HF_TOKEN "
                f"({TOKEN_PAGE})."
            )
        token = getpass(f"Token that may write to {name} (it is not shown): ")
    return token

"""What `python -m intent push` does."""

import argparse
import os
import sys
from getpass import getpass
from pathlib import Path

from intent import terminal
from intent.errors import HubError
from intent.paths import runs_dir

DONE = 0


def push_run(options: argparse.Namespace) -> int:
    """Push a run to the Hub and print its address there."""
    from intent.push import TOKEN_PAGE, checked_name, push
    from intent.runs import open_run

    run = open_run(Path(options.runs or runs_dir()).resolve(), options.run_id)
    name = checked_name(options.to)
    token = os.environ.get("HF_TOKEN", "")
    if not token:
        if not sys.stdin.isatty():
            raise HubError(f"A token that may write is needed: set HF_TOKEN ({TOKEN_PAGE}).")
        token = getpass(f"Token that may write to {name} (it is not shown): ")
    with terminal.counter("pushing", options.json, "%") as show:
        url = push(
            run, name, token, options.private,
            lambda phase, share: show(int(100 * (share or 0)), 100),
        )  # fmt: skip
    if options.json:
        terminal.print_json({"run": run.id, "url": url})
    else:
        print(url)
    return DONE

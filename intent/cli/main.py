"""Entry point of the command line: runs a command and turns errors into exit codes."""

import os
import sys
import traceback
from collections.abc import Sequence

from intent import distributed
from intent.cli import output as terminal
from intent.cli.commands import train
from intent.cli.parser import build_parser
from intent.errors import ExitCode, IntentError
from intent.library_output import quiet_libraries


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    if not distributed.is_lead() and "--debug" not in arguments:
        _discard_output()
    options = build_parser().parse_args(arguments)
    quiet_libraries()
    try:
        if distributed.is_launched() and options.command is not train:
            raise IntentError(
                "Only `train` runs in several processes: start this command without accelerate launch."
            )
        return options.command(options)
    except IntentError as error:
        terminal.print_stderr(str(error))
        return ExitCode.USER_ERROR
    except KeyboardInterrupt:
        terminal.print_stderr("Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of standard output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERNAL_ERROR
    except Exception as error:  # noqa: BLE001 - the edge: every exception becomes an exit code
        if options.debug:
            traceback.print_exc()
        text = " ".join(str(error).split())
        terminal.print_stderr(
            f"internal error: {type(error).__name__}: {text} (add --debug for the traceback)"
        )
        return ExitCode.INTERNAL_ERROR


def _discard_output() -> None:
    """Silence a worker process: only the lead process prints."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null, stream.fileno())

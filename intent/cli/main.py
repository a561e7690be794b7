"""The command line: python -m intent classify | train | evaluate | runs | push."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from intent import distributed
from intent.cli import output as terminal
from intent.cli.commands import (
    INTERRUPTED,
    MISTAKE,
    OURS,
    classify,
    evaluate,
    train,
)
from intent.cli.push import push_run
from intent.cli.runs import ACTIONS, runs_command
from intent.errors import IntentError
from intent.library_output import quiet_libraries
from intent.paths import BUNDLED, MINDS14, SAMPLE
from intent.recipes import PRESETS

_EXAMPLES = {
    "": """\
examples:
  python -m intent classify question.wav
  python -m intent train --data sample --recipe instant
  python -m intent evaluate --checkpoint runs/RUN/model --data sample

exit code: 0 done, 2 something for you to mend (one line says what), 1 our mistake""",
    "classify": """\
examples:
  python -m intent classify question.wav
  python -m intent classify *.m4a --checkpoint runs/RUN/model --top-k 3
  python -m intent classify question.wav --json""",
    "train": """\
examples:
  python -m intent train --data sample --recipe instant
  python -m intent train --data minds14 --locale en-US en-GB --base openai/whisper-tiny.en
  python -m intent train --data my-recordings --set epochs=4 learning_rate=1e-5
  python -m intent train --resume RUN_ID --budget 60
  python -m intent train --data minds14 --push-to your-name/my-model

While another run trains, the command waits in the queue; Ctrl-C withdraws it. Later
Ctrl-C stops and keeps the best checkpoint so far; a second one breaks off.""",
    "evaluate": """\
examples:
  python -m intent evaluate --data sample
  python -m intent evaluate --checkpoint runs/RUN/model --data minds14 --locale en-AU""",
    "runs": """\
examples:
  python -m intent runs list
  python -m intent runs show RUN_ID
  python -m intent runs stop RUN_ID
  python -m intent runs resume RUN_ID
  python -m intent runs rename RUN_ID Second try, more layers
  python -m intent runs remove RUN_ID
  python -m intent runs restore RUN_ID
  python -m intent runs empty-trash""",
    "push": """\
examples:
  python -m intent push RUN_ID --to your-name/my-model
  python -m intent push RUN_ID --to your-name/my-model --private --json

The token is that in HF_TOKEN, else the one that `hf auth login` saved, else you are asked
for one. Another push to the same name updates it.""",
}


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments of a command line say and return the exit code."""
    if not distributed.leads() and "--debug" not in arguments:
        _be_silent()
    options = build_parser().parse_args(arguments)
    quiet_libraries()
    try:
        if distributed.launched() and options.command is not train:
            raise IntentError(
                "Several processes train together, and do nothing else: leave out the launcher."
            )
        return options.command(options)
    except IntentError as error:
        terminal.complain(str(error))
        return MISTAKE
    except KeyboardInterrupt:
        terminal.complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OURS
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is becomes an exit code
        if options.debug:
            traceback.print_exc()
        text = " ".join(str(error).split())
        terminal.complain(
            f"internal error: {type(error).__name__}: {text} (add --debug to see where)"
        )
        return OURS


def _be_silent() -> None:
    """Leave all output to the process that leads."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="python -m intent",
        description="Hear what a caller wants, and learn to hear it.",
        epilog=_EXAMPLES[""],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str, command: Callable[[argparse.Namespace], int], description: str
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(
            name,
            help=description,
            description=description,
            epilog=_EXAMPLES[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.set_defaults(command=command)
        one.add_argument("--json", action="store_true", help="print JSON, an object a line")
        one.add_argument("--debug", action="store_true", help="show where an internal error arose")
        return one

    _add_classify(add("classify", classify, "Say what the callers in recordings want."))
    _add_train(add("train", train, "Train a checkpoint on labelled recordings."))
    _add_evaluate(add("evaluate", evaluate, "Measure how well a checkpoint hears a data set."))
    _add_runs(add("runs", runs_command, "List runs; show, stop, resume, rename or remove one."))
    _add_push(add("push", push_run, "Send a run's checkpoint and its card to the Hub."))
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line."""

    def error(self, message: str) -> NoReturn:
        terminal.complain(f"{message} (see {self.prog} --help)")
        sys.exit(MISTAKE)


_DATA_HELP = (
    f"minds14 ({MINDS14} on the Hub), {SAMPLE} (comes with this project), or a folder: the Hub's "
    "layout in Parquet, or one folder of recordings per label (default: minds14)"
)
_CHECKPOINT_HELP = f"{BUNDLED}, a Hub id (owner/name) or a folder (default: {BUNDLED})"
_LOCALE_HELP = "locales of a data set that has several (default: en-US)"
_PRIVATE_HELP = "on the Hub, for you and those you let in"
_RUNS_HELP = "the folder of the runs (default: INTENT_RUNS, or runs in the current folder)"


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a recording in any usual format")
    parser.add_argument("--checkpoint", default=BUNDLED, metavar="ID_OR_DIR", help=_CHECKPOINT_HELP)
    parser.add_argument("--top-k", type=int, default=5, metavar="K", help="how many intents (5)")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="minds14|sample|DIR", help=_DATA_HELP)
    parser.add_argument("--locale", nargs="+", action="extend", metavar="en-US", help=_LOCALE_HELP)
    parser.add_argument("--base", metavar="ID_OR_DIR", help=f"the start: {_CHECKPOINT_HELP}")
    parser.add_argument("--recipe", choices=PRESETS, help="the preset (default: recommended)")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        metavar="name=value",
        help="hyperparameters that differ from the preset's",
    )
    parser.add_argument("--seed", metavar="N", help="of the split and of training (default: 42)")
    parser.add_argument("--runs", metavar="DIR", help=_RUNS_HELP)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="stop after that long")
    parser.add_argument("--resume", metavar="RUN_ID", help="go on with a run, by its own recipe")
    parser.add_argument("--push-to", metavar="USER/NAME", help="send it to the Hub at the end")
    parser.add_argument("--private", action="store_true", help=_PRIVATE_HELP)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default=BUNDLED, metavar="ID_OR_DIR", help=_CHECKPOINT_HELP)
    parser.add_argument("--data", default="minds14", metavar="minds14|sample|DIR", help=_DATA_HELP)
    parser.add_argument("--locale", nargs="+", action="extend", metavar="en-US", help=_LOCALE_HELP)
    parser.add_argument(
        "--split", choices=("test", "train", "all"), default="test", help="(default: test)"
    )
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="of the split (42)")
    parser.add_argument(
        "--include-seen",
        action="store_true",
        help="hear clips that it has learnt from too, and give them a figure of their own",
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("run_id", nargs="?", metavar="RUN_ID", help="which run, but for list")
    parser.add_argument("name", nargs="*", metavar="NAME", help="for rename")
    parser.add_argument("--runs", metavar="DIR", help=_RUNS_HELP)


def _add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN_ID", help="a run with a checkpoint (runs list)")
    parser.add_argument("--to", required=True, metavar="USER/NAME", help="its name on the Hub")
    parser.add_argument("--private", action="store_true", help=_PRIVATE_HELP)
    parser.add_argument("--runs", metavar="DIR", help=_RUNS_HELP)

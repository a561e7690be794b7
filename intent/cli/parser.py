"""Commands, arguments and help texts of the command line."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from intent.cli import output as terminal
from intent.cli.commands import classify, evaluate, train
from intent.cli.push import push_run
from intent.cli.runs import ACTIONS, Action
from intent.errors import ExitCode
from intent.paths import BUNDLED, MINDS14, MINDS14_HUB_ID, OWN_WORDS, SAMPLE
from intent.recipes import PRESETS

Command = Callable[[argparse.Namespace], int]

EXIT_CODES = "exit codes: 0: success; 1: internal error; 2: user error, explained in one line"

EXAMPLES = {
    "": f"""\
examples:
  python -m intent classify question.wav
  python -m intent train --data sample --recipe instant
  python -m intent evaluate --checkpoint RUN_ID --data sample

{EXIT_CODES}""",
    "classify": """\
examples:
  python -m intent classify question.wav
  python -m intent classify *.m4a --checkpoint RUN_ID --top-k 3
  python -m intent classify question.wav --json
  python -m intent classify call.mp3 --timeline""",
    "train": """\
examples:
  python -m intent train --data sample --recipe instant
  python -m intent train --data minds14 --locale en-US en-GB --base openai/whisper-tiny.en
  python -m intent train --data my-recordings --set epochs=4 learning_rate=1e-5
  python -m intent train --data calls/manifest.csv --audio-column file --label-column reason
  python -m intent train --resume RUN_ID --budget 60
  python -m intent train --data minds14 --push-to USER/NAME

While another run is training, the command waits in the queue; Ctrl-C then removes it from the
queue. During training, Ctrl-C stops the run and keeps the best checkpoint so far; a second Ctrl-C
aborts at once.""",
    "evaluate": """\
examples:
  python -m intent evaluate --data sample
  python -m intent evaluate --data own-words --condition room
  python -m intent evaluate --checkpoint RUN_ID --data minds14 --locale en-AU""",
    "runs": """\
examples:
  python -m intent runs list
  python -m intent runs show RUN_ID
  python -m intent runs stop RUN_ID
  python -m intent runs resume RUN_ID
  python -m intent runs rename RUN_ID Second try, more layers
  python -m intent runs remove RUN_ID
  python -m intent runs restore RUN_ID
  python -m intent runs empty-trash

`python -m intent runs ACTION --help` describes each action.""",
    "push": """\
examples:
  python -m intent push RUN_ID --to USER/NAME
  python -m intent push RUN_ID --to USER/NAME --private --json

The token is read from HF_TOKEN, or from `hf auth login`; without either, you are prompted for one.
Pushing to the same name again updates the model there.""",
}

DATA_HELP = (
    f"{MINDS14} ({MINDS14_HUB_ID} on the Hub), {SAMPLE} (bundled with this project), or a path: a "
    "folder with Parquet files in the Hub's layout, with metadata.csv or metadata.jsonl, written by "
    "save_to_disk, or with one folder of recordings per label; or a table of recordings (CSV, JSONL) "
    f"(default: {MINDS14})"
)
CHECKPOINT_HELP = f"{BUNDLED}, a Hub id (owner/name), a run's id or a folder (default: {BUNDLED})"
LOCALE_HELP = "locales to use if the data set has several (default: en-US)"
AUDIO_COLUMN_HELP = "the table's column of recordings (default: found by its name)"
LABEL_COLUMN_HELP = "the table's column of labels (default: found by its name)"
REJECT_LABEL_HELP = (
    'the label of the data that means "none of the intents": recordings of something else (default: '
    "there is none)"
)
PRIVATE_HELP = "make the model private on the Hub"
RUNS_HELP = "folder of the runs (default: $INTENT_RUNS, or runs/ in the current folder)"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="python -m intent",
        description="Classify the intent of spoken requests to a bank, and train models that do so.",
        epilog=EXAMPLES[""],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command | None, description: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=description,
            description=description,
            epilog=EXAMPLES[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=command)
        _add_output_options(added)
        return added

    _add_classify(add("classify", classify, "Classify the intents of recordings."))
    _add_train(add("train", train, "Train a model on labeled recordings."))
    _add_evaluate(add("evaluate", evaluate, "Measure the accuracy of a checkpoint on a data set."))
    _add_runs(
        add(
            "runs",
            None,
            "List, show, stop, resume, rename, remove or restore runs, or empty the trash.",
        )
    )
    _add_push(add("push", push_run, "Upload a run's model and its model card to the Hub."))
    return parser


class Parser(argparse.ArgumentParser):
    """A parser that reports usage errors in one line and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the message with a pointer to the help, and exit."""
        terminal.print_stderr(f"{message} (see {self.prog} --help)")
        sys.exit(ExitCode.USER_ERROR)

    # argparse leaves unknown arguments to the outermost parser, whose help does not describe them.
    def parse_known_args(  # type: ignore[override]  # its overloads say the same
        self, args: list[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments; report those that this parser does not define."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def _add_output_options(parser: argparse.ArgumentParser, default: bool | str = False) -> None:
    parser.add_argument(
        "--json", action="store_true", default=default, help="print JSON, one object per line"
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=default,
        help="print the traceback of an internal error",
    )


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="an audio file (WAV, FLAC, Ogg, Opus, MP3, m4a, WebM …)",
    )
    parser.add_argument("--checkpoint", default=BUNDLED, metavar="ID_OR_DIR", help=CHECKPOINT_HELP)
    parser.add_argument(
        "--top-k", type=int, default=5, metavar="K", help="number of intents to print (default: 5)"
    )
    parser.add_argument(
        "--timeline",
        action="store_true",
        help="classify each utterance of recordings of up to 90 minutes; --json prints one per line",
    )


def _add_columns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--audio-column", metavar="NAME", help=AUDIO_COLUMN_HELP)
    parser.add_argument("--label-column", metavar="NAME", help=LABEL_COLUMN_HELP)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="minds14|sample|PATH", help=DATA_HELP)
    _add_columns(parser)
    parser.add_argument("--locale", nargs="+", action="extend", metavar="LOCALE", help=LOCALE_HELP)
    parser.add_argument("--base", metavar="ID_OR_DIR", help=f"the base model: {CHECKPOINT_HELP}")
    parser.add_argument(
        "--recipe", choices=PRESETS, help="the training recipe (default: recommended)"
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        metavar="name=value",
        help="hyperparameters to change, such as epochs=4",
    )
    parser.add_argument("--reject-label", metavar="LABEL", help=REJECT_LABEL_HELP)
    parser.add_argument(
        "--seed", metavar="N", help="seed of the split and of training (default: 42)"
    )
    parser.add_argument("--runs", metavar="DIR", help=RUNS_HELP)
    parser.add_argument(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="time limit: stop training after this many seconds",
    )
    parser.add_argument(
        "--resume", metavar="RUN_ID", help="resume this run with its original recipe"
    )
    parser.add_argument(
        "--push-to", metavar="USER/NAME", help="push the trained model to the Hub under this name"
    )
    parser.add_argument("--private", action="store_true", help=PRIVATE_HELP)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default=BUNDLED, metavar="ID_OR_DIR", help=CHECKPOINT_HELP)
    parser.add_argument(
        "--data",
        default=MINDS14,
        metavar=f"minds14|sample|{OWN_WORDS}|PATH",
        help=f"{OWN_WORDS} (bundled: sentences in people's own words), {DATA_HELP}",
    )
    _add_columns(parser)
    parser.add_argument("--locale", nargs="+", action="extend", metavar="LOCALE", help=LOCALE_HELP)
    parser.add_argument(
        "--split",
        choices=("test", "train", "all"),
        default="test",
        help="which split to evaluate on (default: test)",
    )
    parser.add_argument(
        "--seed", type=int, default=42, metavar="N", help="seed of the split (default: 42)"
    )
    parser.add_argument(
        "--condition",
        default="",
        metavar="telephone|room",
        help="simulate how each recording sounds by telephone or in a noisy room",
    )
    parser.add_argument(
        "--include-seen",
        action="store_true",
        help="also evaluate on recordings seen in training, and report their accuracy separately",
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", metavar="DIR", help=RUNS_HELP)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, action in ACTIONS.items():
        _add_action(actions.add_parser(name, help=action.help, description=action.help), action)


def _add_action(parser: argparse.ArgumentParser, action: Action) -> None:
    parser.set_defaults(command=action.command)
    if action.takes_run:
        parser.add_argument("run_id", metavar="RUN_ID", help="id of the run (see `runs list`)")
    if action.takes_name:
        parser.add_argument(
            "name", nargs="+", metavar="NAME", help="the new name; it may be several words"
        )
    # Without a default here, or it would override the same option before the action's name.
    _add_output_options(parser, default=argparse.SUPPRESS)
    parser.add_argument("--runs", metavar="DIR", help=RUNS_HELP, default=argparse.SUPPRESS)


def _add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN_ID", help="a run with a model (see `runs list`)")
    parser.add_argument(
        "--to", required=True, metavar="USER/NAME", help="the model's name on the Hub"
    )
    parser.add_argument("--private", action="store_true", help=PRIVATE_HELP)
    parser.add_argument("--runs", metavar="DIR", help=RUNS_HELP)

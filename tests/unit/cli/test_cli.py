"""The command line as scripts use it: exit codes, JSON lines and one-line errors."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest
import soundfile

from intent import hub_http
from intent.audio.clip import write_wav
from intent.cli import output as terminal
from intent.cli.main import main
from intent.cli.parser import build_parser
from intent.cli.runs import ACTIONS
from intent.evaluation.metrics import Accuracy, Evaluation
from intent.jobs.queue import enqueue
from intent.jobs.worker import training_lock
from intent.paths import EXAMPLES
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Failed, Finished, Phase, Started, from_line
from intent.runs.live import queued_runs
from intent.runs.store import create_run, list_runs, open_run, state
from tests.late_speech import SECONDS_BEFORE, late
from tests.repository import ROOT
from tests.tiny import LABELS, tone

COMMANDS = ("classify", "train", "evaluate", "runs", "push")


Output = pytest.CaptureFixture[str]


def said(capsys: Output, *arguments: object) -> tuple[int, str, str]:
    """Return the exit code, the output and the errors of a command line."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def python(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Whoever runs the tests in the background has Ctrl-C ignored, and so has what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_has_examples_and_exits_0(capsys: Output, command: list[str]) -> None:
    code, out, err = said(capsys, *command, "--help")
    assert (code, err) == (0, "")
    assert "examples:\n  python -m intent" in out


@pytest.mark.parametrize("action", ACTIONS)
def test_help_of_an_action_describes_it_and_its_arguments(capsys: Output, action: str) -> None:
    code, out, err = said(capsys, "runs", action, "--help")
    assert (code, err) == (0, "")
    assert ACTIONS[action].help in " ".join(out.split())
    assert ("RUN_ID" in out) == ACTIONS[action].takes_run


@pytest.mark.parametrize("place", [1, 2])
def test_options_of_runs_stand_before_or_after_the_action(
    capsys: Output, tmp_path: Path, place: int
) -> None:
    run = create_run(tmp_path / "elsewhere", Recipe())
    arguments = ["runs", "list"]
    arguments[place:place] = ["--json", "--debug", "--runs", str(tmp_path / "elsewhere")]
    code, out, err = said(capsys, *arguments)
    assert (code, json.loads(out)["run"], err) == (0, run.id, "")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_of_the_help_are_command_lines(capsys: Output, command: str) -> None:
    _, out, _ = said(capsys, *command.split(), "--help")
    examples = [line.split()[3:] for line in out.splitlines() if line.startswith("  python -m")]
    assert len(examples) >= 2
    for example in examples:
        build_parser().parse_args(example)


def test_light_path_loads_neither_gradio_nor_torch(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['intent', '--help']\n"
        "import intent, intent.runs.store\n"
        "try: runpy.run_module('intent', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'gradio', 'torch', 'transformers', 'datasets', 'sklearn', 'av'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))"
    )
    with python("-c", code) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: COMMAND (see python -m intent --help)"),
        (
            ["sing"],
            "argument COMMAND: invalid choice: 'sing' (choose from 'classify', 'train', "
            "'evaluate', 'runs', 'push') (see python -m intent --help)",
        ),
        (
            ["classify"],
            "the following arguments are required: FILE (see python -m intent classify --help)",
        ),
        (
            ["classify", "a.wav", "--top-k", "0"],
            "--top-k must be 1 or more, but is 0.",
        ),
        (
            ["train", "--set", "epochs=0"],
            "epochs must be from 1 to 200, but is 0.",
        ),
        (
            ["train", "--set", "epochs"],
            "--set takes name=value, such as epochs=4, but got 'epochs'.",
        ),
        (["train", "--seed", "x"], "seed must be a whole number, but is 'x'."),
        (
            ["train", "--budget", "0"],
            "--budget must be more than 0 seconds, but is 0.",
        ),
        (
            ["train", "--resume", "x", "--data", "sample"],
            "--resume uses the run's own recipe: leave out --data.",
        ),
        (
            ["train", "--private"],
            "--private works only with --push-to: add --push-to USER/NAME, or leave out --private.",
        ),
        (
            ["runs"],
            "the following arguments are required: ACTION (see python -m intent runs --help)",
        ),
        (
            ["runs", "show"],
            "the following arguments are required: RUN_ID (see python -m intent runs show --help)",
        ),
        (
            ["runs", "rename", "a"],
            "the following arguments are required: NAME (see python -m intent runs rename --help)",
        ),
        (
            ["runs", "stop", "a", "b"],
            "unrecognized arguments: b (see python -m intent runs stop --help)",
        ),
        (
            ["runs", "empty-trash", "a"],
            "unrecognized arguments: a (see python -m intent runs empty-trash --help)",
        ),
    ],
)
def test_wrong_use_is_reported_in_one_line_with_exit_2(
    capsys: Output, arguments: list[str], complaint: str
) -> None:
    assert said(capsys, *arguments) == (2, "", complaint + "\n")


def test_internal_error_is_one_line_with_exit_1(capsys: Output, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", Recipe())
    run.events_file.mkdir()  # nothing that we do makes a folder of it
    code, out, err = said(capsys, "runs", "list")
    assert (code, out) == (1, "")
    assert err == (
        "internal error: IsADirectoryError: [Errno 21] Is a directory: "
        f"'{run.events_file}' (add --debug for the traceback)\n"
    )
    assert "Traceback" in said(capsys, "runs", "list", "--debug")[2]


def test_bundled_checkpoint_classifies_the_example_clips() -> None:
    with python("-m", "intent", "classify", *sorted(EXAMPLES.glob("*.wav")), "--json") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [set(answer) for answer in answers] == [
        {"file", "top", "seconds", "heard_seconds", "heard_speech", "used_from", "used_to"}
        | {"sure", "known", "known_score"}
    ] * 6
    assert all(answer["heard_speech"] and answer["sure"] for answer in answers)
    assert [len(answer["top"]) for answer in answers] == [5] * 6
    likeliest = {Path(answer["file"]).stem: answer["top"][0]["label"] for answer in answers}
    assert likeliest["pay-a-bill"] == "pay_bill"
    assert likeliest["freeze-my-card"] == "freeze"


def test_unreadable_file_does_not_stop_the_others(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    soundfile.write(good, tone("low"), 8000)
    bad.write_text("")
    options = ["--checkpoint", world / "base", "--top-k", 2]
    code, out, err = said(capsys, "classify", bad, good, *options, "--json")
    assert (code, err) == (2, "")
    refused, answer = map(json.loads, out.splitlines())
    assert (refused["file"], set(refused)) == (str(bad), {"file", "error"})
    assert (answer["file"], len(answer["top"])) == (str(good), 2)
    assert sum(score["score"] for score in answer["top"]) <= 1 + 1e-5

    code, out, err = said(capsys, "classify", bad, good, *options)
    assert code == 2
    assert err == f"{bad}: {refused['error']}\n"
    assert out.splitlines()[0] == str(good)
    assert len(out.splitlines()) == 5  # file, no speech detected, two scores, checkpoint


def test_answer_says_what_the_page_says_of_a_long_recording_without_speech(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.wav", tone("low", seconds=3.6), 8000)
    command = ["classify", tmp_path / "long.wav", "--checkpoint", world / "base"]
    _, out, _ = said(capsys, *command, "--json")
    answer = json.loads(out)
    names = ("heard_seconds", "heard_speech", "sure", "used_from", "used_to")
    assert [answer[name] for name in names] == [2.0, False, False, 0.0, 2.0]
    _, out, _ = said(capsys, *command)
    assert out.splitlines()[-1].endswith(" s, used the first 2 s of 3.6 s")


def test_answer_says_which_part_of_a_recording_has_speech(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    clip = late("pay-a-bill")
    write_wav(clip, tmp_path / "late.wav")
    command = ["classify", tmp_path / "late.wav", "--checkpoint", world / "base"]
    answer = json.loads(said(capsys, *command, "--json")[1])
    assert answer["heard_speech"] and SECONDS_BEFORE - 0.6 <= answer["used_from"] < SECONDS_BEFORE
    assert answer["used_to"] == pytest.approx(answer["used_from"] + 2, abs=2e-3)
    last = said(capsys, *command)[1].splitlines()[-1]
    part = f"{answer['used_from']:.1f} s to {answer['used_to']:.1f} s of {clip.seconds:.1f} s"
    assert last.endswith(f", used {part}")


def test_folder_that_is_no_checkpoint_is_reported_in_one_line(
    capsys: Output, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", tone("low"), 8000)
    (tmp_path / "empty").mkdir()
    code, out, err = said(
        capsys, "classify", tmp_path / "a.wav", "--checkpoint", tmp_path / "empty"
    )
    assert (code, out, err.count("\n")) == (2, "", 1)


def train_tiny(world: Path) -> list[str]:
    return [
        "train",
        "--data",
        str(world / "tones"),
        "--base",
        str(world / "base"),
        "--set",
        "window_seconds=2",
    ]


def test_train_ends_with_the_run_and_its_accuracy(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    code, out, err = said(capsys, *train_tiny(world), "--recipe", "instant", "--json")
    assert (code, err) == (0, "")
    *lines, last = out.splitlines()
    run = open_run(tmp_path / "runs", json.loads(last)["run"])
    assert [from_line(line) for line in lines] == run.events()
    finished = run.events()[-1]
    assert json.loads(last) == {
        "run": run.id,
        "directory": str(run.path),
        "accuracy": finished.accuracy,
        "interval": list(finished.interval),
        "outcome": "done",
    }
    code, out, err = said(
        capsys, "evaluate", "--checkpoint", run.model, "--data", world / "tones", "--json"
    )
    assert (code, err) == (0, "")
    figures = json.loads(out)
    assert figures["accuracy"] == finished.accuracy
    assert (figures["clips"], figures["seen_in_training"]) == (6, 0)
    code, out, err = said(
        capsys,
        "evaluate",
        "--checkpoint",
        run.model,
        "--data",
        world / "tones",
        "--split",
        "all",
        "--include-seen",
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("Accuracy: ")
    assert out.splitlines()[-1].startswith("On recordings seen in training: ")


def test_train_for_people_ends_with_two_lines(capsys: Output, world: Path, tmp_path: Path) -> None:
    code, out, err = said(capsys, *train_tiny(world), "--recipe", "instant")
    assert code == 0
    first, second = out.splitlines()
    assert first.startswith("Done after ")
    assert second == str(list_runs(tmp_path / "runs")[0].model)
    assert "Reading audio" in err.splitlines()


def test_train_for_people_counts_the_test_clips_that_were_left_out(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.append(Started("closed-form", LABELS, 24, 3, 2, "CPU", duplicate_clips=1))
    assert terminal.summary(run, Finished("done", None, None, 0, 3.0)).splitlines() == [
        "Done after 3 s. Test accuracy: not measured: no unseen test recordings",
        "Left out, seen in training by the base model: 2 recordings",
        "Left out, also in the training set: 1 recording",
        str(run.model),
    ]


def test_recipe_says_what_the_command_line_said(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    os.chdir(world)
    arguments = ["train", "--data", "tones", "--base", "base", "--recipe", "instant", "--seed", "7"]
    arguments += ["--locale", "en-US", "en-GB", "--set", "window_seconds=2", "test_share=0.3"]
    code, _, err = said(capsys, *arguments)
    assert code == 0, err
    recipe = list_runs(tmp_path / "runs")[0].recipe()
    assert (recipe.data, recipe.base) == (str(world / "tones"), str(world / "base"))
    assert (recipe.seed, recipe.locales) == (7, ("en-US", "en-GB"))
    assert (recipe.window_seconds, recipe.test_share, recipe.preset) == (2, 0.3, "instant")


def test_the_command_line_may_do_everything_in_public_mode(
    capsys: Output, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "owner/space")
    changes = ["--set", "window_seconds=2", "copies=0"]
    data = ["--data", world / "tones", "--base", world / "base", "--recipe", "instant", *changes]
    code, _, err = said(capsys, "train", *data)
    assert code == 0, err
    [run] = list_runs(tmp_path / "runs")
    assert run.owner is None and hub_http.token() is None
    code, out, err = said(capsys, "runs", "remove", run.id)
    assert code == 0, err


def test_data_and_base_are_no_settings(capsys: Output, tmp_path: Path) -> None:
    for name, option in (("data", "--data"), ("base", "--base"), ("locales", "--locale")):
        code, out, err = said(capsys, "train", "--data", "sample", "--set", f"{name}=x")
        assert (code, out) == (2, "")
        assert err == (
            f"{name} is not a hyperparameter: set it with its own option {option}, or in the API "
            f"with the parameter {name}.\n"
        )


def test_ctrl_c_keeps_the_best_and_exits_0(world: Path, tmp_path: Path) -> None:
    long = [*train_tiny(world), "method=fine-tune", "epochs=200", "batch_size=1", "--json"]
    with python("-m", "intent", *long) as process:
        for line in process.stdout:
            if json.loads(line)["event"] == "TrainPoint":
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert err == (
        "Stopping and keeping the best checkpoint so far; press Ctrl-C again to abort.\n"
    )
    result = json.loads(out.splitlines()[-1])
    assert result["outcome"] == "stopped"
    run = open_run(tmp_path / "runs", result["run"])
    assert state(run) == "stopped"
    assert (run.model / "config.json").is_file()


def test_reader_that_goes_away_does_not_end_a_training(world: Path, tmp_path: Path) -> None:
    with python("-m", "intent", *train_tiny(world), "--recipe", "instant", "--json") as process:
        process.stdout.readline()
        process.stdout.close()
        process.wait()
    assert state(list_runs(tmp_path / "runs")[0]) == "done"


def test_failed_training_is_reported_once_and_exits_2(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    arguments = ["train", "--data", tmp_path / "nothing", "--base", world / "base", "--json"]
    code, out, err = said(capsys, *arguments)
    failed, result = out.splitlines()[-2:]
    assert code == 2
    assert isinstance(from_line(failed), Failed)
    assert err == from_line(failed).message + "\n"
    assert json.loads(result)["outcome"] == "failed"


def wait_for_line(stream: TextIO, wanted: str) -> str:
    """Return the first line that holds the words; fail where the stream ends without."""
    for line in stream:
        if wanted in line:
            return line
    raise AssertionError(f"{wanted!r} was not said")


def test_second_training_waits_for_the_first_and_then_begins(world: Path, tmp_path: Path) -> None:
    first = create_run(tmp_path / "runs", Recipe())
    with training_lock(first):
        waiting = python("-m", "intent", *train_tiny(world), "--recipe", "instant")
        said = wait_for_line(waiting.stderr, "Waiting")
        assert said == (
            f"Waiting for run {first.id} (Recommended, bundled) to end; Ctrl-C removes this run from "
            "the queue.\n"
        )
        [second] = queued_runs(tmp_path / "runs")
        assert state(second) == "queued"
    out, err = waiting.communicate()
    assert waiting.returncode == 0, err
    assert state(second) == "done" and out.splitlines()[-1] == str(second.model)


def test_ctrl_c_removes_a_waiting_run_from_the_queue(world: Path, tmp_path: Path) -> None:
    first = create_run(tmp_path / "runs", Recipe())
    with training_lock(first):
        waiting = python("-m", "intent", *train_tiny(world))
        wait_for_line(waiting.stderr, "Waiting")
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate()
    assert (waiting.returncode, err) == (130, "Interrupted.\n")
    assert queued_runs(tmp_path / "runs") == []


def test_queued_training_can_be_removed_by_another_command(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    first = create_run(tmp_path / "runs", Recipe())
    with training_lock(first):
        waiting = python("-m", "intent", *train_tiny(world))
        wait_for_line(waiting.stderr, "Waiting")
        [second] = queued_runs(tmp_path / "runs")
        code, out, err = said(capsys, "runs", "stop", second.id, "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["state"] == "prepared"
        _, err = waiting.communicate()
    assert (waiting.returncode, err) == (
        2,
        f"Run {second.id} was removed from the queue before it began.\n",
    )


def test_runs_are_listed_shown_and_stopped(capsys: Output, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", Recipe())
    listed = said(capsys, "runs", "list")
    assert (listed[0], listed[2]) == (0, "")
    assert listed[1].split(maxsplit=2) == [run.id, "prepared", "Recommended, bundled\n"]
    assert said(capsys, "runs", "stop", run.id) == (
        2,
        "",
        f"Run {run.id} is not training (prepared): there is nothing to stop.\n",
    )
    with training_lock(run):
        run.append(Phase("reading audio"))
        words = said(capsys, "runs", "list")[1].split()
        assert words == [run.id, "running", "Recommended,", "bundled", "reading", "audio"]
        assert json.loads(said(capsys, "runs", "stop", run.id, "--json")[1])["state"] == "stopping"
    run.append(Finished("done", 0.875, (0.75, 0.95), 8, 3.0))
    shown = json.loads(said(capsys, "runs", "show", run.id, "--json")[1])
    assert (shown["run"], shown["state"], shown["accuracy"]) == (run.id, "done", 0.875)
    assert shown["recipe"]["preset"] == "recommended"
    assert shown["size_bytes"] > 0


def test_queued_runs_are_listed_with_their_places(capsys: Output, tmp_path: Path) -> None:
    first, second = (create_run(tmp_path / "runs", Recipe()) for _ in range(2))
    enqueue(second), enqueue(first)
    rows = [line.split()[:3] for line in said(capsys, "runs", "list")[1].splitlines()]
    assert rows == [[second.id, "queued", "(1)"], [first.id, "queued", "(2)"]]
    assert json.loads(said(capsys, "runs", "stop", second.id, "--json")[1])["state"] == "prepared"
    [row] = [
        json.loads(line)
        for line in said(capsys, "runs", "list", "--json")[1].splitlines()
        if first.id in line
    ]
    assert (row["state"], row["place"]) == ("queued", 1)


def test_runs_are_renamed_removed_restored_and_deleted(capsys: Output, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", Recipe())
    code, out, _ = said(capsys, "runs", "rename", run.id, "Second", "try", "--json")
    assert (code, json.loads(out)["name"]) == (0, "Second try")
    assert said(capsys, "runs", "remove", run.id) == (
        0,
        f"Run {run.id} is in the trash. To restore it: python -m intent runs restore {run.id}\n",
        "",
    )
    assert said(capsys, "runs", "list") == (0, "", "")
    assert json.loads(said(capsys, "runs", "restore", run.id, "--json")[1])["name"] == "Second try"
    said(capsys, "runs", "remove", run.id)
    assert said(capsys, "runs", "empty-trash") == (0, "1 run deleted.\n", "")
    assert said(capsys, "runs", "restore", run.id)[0] == 2


def test_stopped_run_is_resumed_to_its_end(capsys: Output, world: Path, tmp_path: Path) -> None:
    said(capsys, *train_tiny(world), "--recipe", "instant", "--budget", "0.001")
    [run] = list_runs(tmp_path / "runs")
    assert state(run) == "out of time"
    code, out, err = said(capsys, "runs", "resume", run.id)
    assert code == 0 and out.splitlines()[-1] == str(run.model)
    assert state(run) == "done"
    assert said(capsys, "runs", "resume", run.id) == (
        2,
        "",
        f"Run {run.id} is done: there is nothing to resume.\n",
    )


def test_unknown_run_is_reported_with_its_folder(capsys: Output, tmp_path: Path) -> None:
    assert said(capsys, "runs", "show", "../etc", "--runs", tmp_path) == (
        2,
        "",
        f"There is no run '../etc' in {tmp_path}: choose one of that folder's runs.\n",
    )


def test_evaluation_text_lists_what_was_left_out() -> None:
    text = terminal.evaluation_text(
        Evaluation(
            accuracy=0.9,
            interval=(0.8, 0.95),
            clips=50,
            seen_in_training=7,
            macro_f1=0.9,
            ece=0.05,
            labels=LABELS,
            confusion=(),
            per_intent={},
            per_locale={
                "en-US": Accuracy(0.9, (0.75, 0.97), 30),
                "en-GB": Accuracy(0.9, (0.7, 0.98), 20),
            },
            mistakes=(),
            skipped=("a.wav",),
            renamed={"Pay bill": "pay_bill"},
            absent=("freeze", "abroad"),
        )
    )
    assert text.splitlines() == [
        "Accuracy: 0.900 (95 % interval 0.800 to 0.950, 50 recordings)",
        "  en-US: 0.900 (95 % interval 0.750 to 0.970, 30 recordings)",
        "  en-GB: 0.900 (95 % interval 0.700 to 0.980, 20 recordings)",
        "Left out, seen in training: 7 recordings",
        "Left out, unreadable: 1 recording (a.wav)",
        "Labels matched, ignoring case and separators: Pay bill as pay_bill",
        "The data set has no recordings of these labels: freeze, abroad",
    ]


def test_labels_of_the_tiny_checkpoint_have_readable_names(
    capsys: Output, world: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", tone("low"), 8000)
    _, out, _ = said(capsys, "classify", tmp_path / "a.wav", "--checkpoint", world / "base")
    assert all(label.capitalize() in out for label in LABELS)

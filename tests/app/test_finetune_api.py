"""/start, /status, /stop and /resume as another program calls them, with tiny encoders."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from intent.jobs.processes import kill_run
from intent.runs.directory import RunDir
from intent.runs.live import holder, live_run
from intent.runs.locks import is_held
from intent.runs.store import list_runs
from tests.tiny import LABELS, tiny_wav2vec2, tiny_whisper, tone, tone_folder, wav_bytes

PATIENCE_SECONDS = 180  # a bound for a machine that is busy with something else
ENDED = ("done", "stopped", "out of time", "failed", "interrupted")
QUICK = {"epochs": 2, "batch_size": 32, "window_seconds": 1, "logging_steps": 1}
WINDOW = {"window_seconds": 1}
ENDLESS = {**QUICK, "method": "fine-tune", "epochs": 200, "batch_size": 1}


@pytest.fixture
def runs(runs_folder: Path) -> Iterator[Path]:
    """The page's folder of runs; what a test leaves training there is ended by force."""
    yield runs_folder
    while live := live_run(runs_folder):
        kill_run(live)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tone_folder(tmp_path_factory.mktemp("tones")))


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_whisper(tmp_path_factory.mktemp("whisper")))


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_wav2vec2(tmp_path_factory.mktemp("wav2vec2")))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (file := tmp_path / "tone.wav").write_bytes(wav_bytes(tone("high", 3)))
    return file


def start(
    client: Client,
    data: str,
    base: str,
    preset: str = "recommended",
    seed: float = 42,
    overrides: dict | str = QUICK,
    reject_label: str = "",
) -> str:
    text = overrides if isinstance(overrides, str) else json.dumps(overrides)
    values = (data, ["en-US"], base, preset, seed, text, reject_label)
    return client.predict(*values, api_name="/start")


def wait_for(
    client: Client, run_id: str, wanted: Callable[[dict], bool], patience: float = PATIENCE_SECONDS
) -> dict:
    """Ask for the status until it is as wanted; fail with the last one after a long while."""
    for _ in range(int(patience / 0.1)):
        status = client.predict(run_id, api_name="/status")
        if wanted(status):
            return status
        assert status["state"] not in ENDED, status
        time.sleep(0.1)
    raise AssertionError(status)


def ended(status: dict) -> bool:
    return status["state"] in ENDED


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(AppError) as caught:
        call()
    return str(caught.value)


def test_a_fine_tune_that_is_started_ends_with_a_model_and_its_interval(
    client: Client, runs: Path, tones: str, whisper: str
) -> None:
    run_id = start(client, tones, whisper)
    status = wait_for(client, run_id, ended)
    assert (status["state"], status["run"], status["message"]) == ("done", run_id, None)
    low, high = status["interval"]
    assert 0 <= low <= status["accuracy"] <= high <= 1
    assert status["test_clips"] == 6
    assert Path(status["model"]) == runs / run_id / "model"


def test_the_model_of_a_run_can_be_used_by_classify(
    client: Client, runs: Path, tones: str, whisper: str, recording: Path
) -> None:
    run_id = start(client, tones, whisper, "instant", overrides={"window_seconds": 1})
    status = wait_for(client, run_id, ended)
    assert status["checkpoint"] == run_id
    for name in (status["checkpoint"], status["model"]):
        answer = client.predict(handle_file(str(recording)), name, api_name="/classify")
        assert {score["label"] for score in answer["top"]} == set(LABELS)


def test_the_values_passed_to_start_become_the_recipe(
    client: Client, runs: Path, tones: str, wav2vec2: str
) -> None:
    run_id = start(client, tones, wav2vec2, "guide", 7, {"epochs": 1, "learning_rate": "1e-4"})
    recipe = RunDir(runs / run_id).recipe()
    assert (recipe.preset, recipe.seed, recipe.epochs) == ("guide", 7, 1)
    assert (recipe.learning_rate, recipe.accumulation_steps) == (1e-4, 4)
    assert (recipe.data, recipe.base) == (tones, wav2vec2)
    assert wait_for(client, run_id, ended)["state"] == "done"


def test_a_second_run_is_queued_and_can_be_removed_or_starts_automatically(
    client: Client, runs: Path, tones: str, whisper: str
) -> None:
    run_id = start(client, tones, whisper, overrides=ENDLESS)
    second, third = (start(client, tones, whisper, "instant", overrides=WINDOW) for _ in range(2))
    places = [client.predict(one, api_name="/status")["place"] for one in (run_id, second, third)]
    assert places == [None, 1, 2]
    assert client.predict(second, api_name="/stop") == "prepared"
    assert client.predict(third, api_name="/status")["place"] == 1
    assert client.predict(run_id, api_name="/status")["state"] == "running"
    client.predict(run_id, api_name="/stop")
    assert wait_for(client, third, ended)["state"] == "done"
    assert client.predict(second, api_name="/status")["state"] == "prepared"
    assert client.predict(run_id, api_name="/resume") == "running"  # not "stopping"


def test_a_run_that_is_stopped_keeps_a_model(
    client: Client, runs: Path, tones: str, whisper: str
) -> None:
    run_id = start(client, tones, whisper, overrides=ENDLESS)
    wait_for(client, run_id, lambda status: status["accuracy"] is not None)
    assert client.predict(run_id, api_name="/stop") in ("stopping", "stopped")
    status = wait_for(client, run_id, ended)
    assert status["state"] == "stopped"
    assert (Path(status["model"]) / "config.json").is_file()


def test_stopping_a_run_that_has_ended_changes_nothing(
    client: Client, runs: Path, tones: str, whisper: str
) -> None:
    run_id = start(client, tones, whisper, "instant", overrides={"window_seconds": 1})
    wait_for(client, run_id, ended)
    assert client.predict(run_id, api_name="/stop") == "done"


def test_classify_answers_while_a_run_trains_and_after_its_process_is_killed(
    client: Client, runs: Path, tones: str, whisper: str, recording: Path
) -> None:
    def classify() -> set[str]:
        answer = client.predict(handle_file(str(recording)), whisper, api_name="/classify")
        return {score["label"] for score in answer["top"]}

    run_id = start(client, tones, whisper, overrides=ENDLESS)
    wait_for(client, run_id, lambda status: status["accuracy"] is not None)
    assert classify() == set(LABELS)
    run = RunDir(runs / run_id)
    assert client.predict(run_id, api_name="/status")["state"] == "running"
    os.kill(holder(run.path.parent)[1], signal.SIGKILL)
    status = wait_for(client, run_id, ended)
    assert status["state"] == "interrupted"
    assert not is_held(run.lock_file)
    assert classify() == set(LABELS)
    assert wait_for(client, start(client, tones, whisper), ended)["state"] == "done"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"epochs": 900},
            "epochs must be from 1 to 200, but is 900.",
        ),
        (
            {"learning_rate": "fast"},
            "learning_rate must be a number, but is 'fast'.",
        ),
        (
            "[4]",
            "overrides must be a JSON object such as {\"epochs\": 4}, but is '[4]'.",
        ),
    ],
)
def test_a_hyperparameter_out_of_range_is_named_and_nothing_is_started(
    client: Client, runs: Path, tones: str, whisper: str, overrides: dict | str, message: str
) -> None:
    before = list_runs(runs)
    assert refusal(lambda: start(client, tones, whisper, overrides=overrides)) == message
    assert list_runs(runs) == before


def test_a_label_that_means_none_of_the_intents_is_that_of_the_model_and_of_its_answers(
    client: Client, runs: Path, tones: str, whisper: str, recording: Path
) -> None:
    run_id = start(client, tones, whisper, "instant", overrides=WINDOW, reject_label="high")
    status = wait_for(client, run_id, ended)
    assert (status["state"], status["test_clips"]) == ("done", 4)  # two of them are no intent
    assert client.predict(run_id, api_name="/report")["rejection"]["label"] == "high"
    answer = client.predict(handle_file(str(recording)), run_id, api_name="/classify")
    assert answer["known"] is (answer["top"][0]["label"] != "high")
    assert 0 <= answer["known_score"] < 1


@pytest.mark.parametrize("data", ["tones", "sample"])
def test_a_reject_label_that_the_data_lacks_is_named_and_nothing_is_started(
    client: Client, runs: Path, tones: str, whisper: str, data: str
) -> None:
    before = list_runs(runs)
    message = refusal(
        lambda: start(client, tones if data == "tones" else data, whisper, reject_label="nope")
    )
    assert message.startswith(
        "reject_label should be one of the data's labels, but is 'nope': choose from "
    )
    assert ("high, low, middle" in message) is (data == "tones")
    assert list_runs(runs) == before


def test_an_unknown_preset_is_refused_with_the_valid_presets(
    client: Client, runs: Path, tones: str, whisper: str
) -> None:
    assert refusal(lambda: start(client, tones, whisper, "magic")) == (
        "preset must be one of guide, recommended, instant, but is 'magic'."
    )


def test_a_missing_run_is_reported(client: Client, runs: Path) -> None:
    for endpoint in ("/status", "/stop", "/resume"):
        message = refusal(lambda name=endpoint: client.predict("../etc", api_name=name))
        assert re.fullmatch(
            r"There is no run '\.\./etc' in .*: choose one of that folder's runs\.", message
        )


def test_missing_data_or_base_is_reported_before_a_run_is_queued(
    client: Client, runs: Path, tmp_path: Path, tones: str, whisper: str
) -> None:
    missing, before = str(tmp_path / "nowhere"), list_runs(runs)
    assert refusal(lambda: start(client, missing, whisper)) == (
        f'A folder was expected at "{missing}", but there is nothing: check the path.'
    )
    assert refusal(lambda: start(client, "minds14", whisper)).startswith(
        "MInDS-14 could not be downloaded from the Hugging Face Hub"
    )
    assert "neither an existing folder nor a Hub id" in refusal(
        lambda: start(client, tones, missing)
    )
    for absent in ("nobody/nothing", "openai/whisper-tiny.en"):
        assert refusal(lambda base=absent: start(client, tones, base)).startswith(
            f'The checkpoint "{absent}" could not be downloaded from the Hugging Face Hub'
        )
    assert list_runs(runs) == before


def test_unreadable_recordings_are_skipped_and_the_run_is_done(
    client: Client, runs: Path, tmp_path: Path, whisper: str
) -> None:
    folder = tone_folder(tmp_path / "tones")
    (folder / "low" / "low-00.wav").write_text("no sound")
    run_id = start(client, str(folder), whisper, "instant", overrides={"window_seconds": 1})
    assert wait_for(client, run_id, ended)["state"] == "done"
    skipped = RunDir(runs / run_id).history().skipped
    assert ["low-00" in skip.clip for skip in skipped] == [True]


def test_the_page_of_the_api_describes_each_endpoint(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    names = [parameter["parameter_name"] for parameter in endpoints["/start"]["parameters"]]
    assert names == ["data", "locales", "base", "preset", "seed", "overrides", "reject_label"]
    for name in ("/start", "/status", "/stop", "/resume"):
        assert len(endpoints[name]["description"]) > 60

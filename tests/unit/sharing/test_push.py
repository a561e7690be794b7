"""A run is pushed to a local Hub by the real client, with failures at every step."""

import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants
from huggingface_hub.utils import _http, close_session

from intent import hub_http
from intent.audio.clip import Clip
from intent.errors import HubError, RunError
from intent.models.classifier import classify
from intent.recipes import Recipe
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.sharing.public_view import checkpoint_files, public_run
from intent.sharing.push import push
from tests import tiny
from tests.finished import finished_run
from tests.hub import Fault, Hub, Repository, User, serve
from tests.repository import ROOT

TOKEN = "hf_a-secret-of-hers"
ME = User("ada", groups=("bank",))
UNCHANGED = "The run is unchanged, and files that were already uploaded are not sent again."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    recipe = Recipe(base="openai/whisper-tiny.en")
    return finished_run(tmp_path_factory.mktemp("push") / "runs", recipe)


@pytest.fixture(autouse=True)
def untouched(run: RunDir) -> Iterator[None]:
    """A push changes no file of the run, whether it succeeds or fails."""
    before = contents(run.path)
    yield
    assert contents(run.path) == before


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub with the user Ada, and this process' client pointed at it."""
    hub = Hub(users={TOKEN: ME})
    with serve(hub) as address:
        point_client_at(address, monkeypatch)
        yield hub
    close_session()


def point_client_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the client at an address, without its pauses between retries."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
    hub_http.limit_waits.cache_clear()
    close_session()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(run: RunDir, name: str = "ada/calls", **options: object) -> str:
    with pytest.raises(HubError) as refused:
        push(run, name, **{"token": TOKEN, **options})
    assert TOKEN not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


def test_what_arrives_is_the_checkpoint_bit_for_bit_with_its_card(run: RunDir, hub: Hub) -> None:
    url = push(run, "ada/calls", TOKEN)
    arrived = hub.models["ada/calls"]
    assert url == f"{constants.ENDPOINT}/ada/calls"
    assert set(arrived.files) == {
        ".gitattributes",
        "README.md",
        "config.json",
        "confusion.png",
        "model.safetensors",
        "preprocessor_config.json",
        "provenance.json",
        "recipe.json",
    }
    with checkpoint_files(run, public_run(run)) as sent:
        for name, content in sent.items():
            data = content if isinstance(content, bytes) else content.read()
            assert arrived.files[name] == data, name
    assert arrived.files["model.safetensors"] == (run.model / "model.safetensors").read_bytes()
    assert arrived.large == {"model.safetensors", "confusion.png"}
    assert (arrived.private, arrived.commits) == (False, [f"Run {run.id}"])
    card = ModelCard(arrived.files["README.md"].decode())
    assert card.data.model_name == "calls"
    assert 'model="ada/calls"' in card.text


def test_a_private_one_is_private_and_a_group_can_have_it(run: RunDir, hub: Hub) -> None:
    push(run, "bank/calls", TOKEN, private=True)
    assert hub.models["bank/calls"].private


def test_the_weights_are_followed_from_none_to_all(run: RunDir, hub: Hub) -> None:
    told: list[tuple[str, float | None]] = []
    push(run, "ada/calls", TOKEN, on_progress=lambda phase, share: told.append((phase, share)))
    shares = [share for _, share in told if share is not None]
    assert (shares[0], shares[-1]) == (0, 1)
    assert shares == sorted(shares)
    assert told[0] == ("writing the model card", None)


def test_pushing_again_updates_and_sends_no_weights_twice(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    push(run, "ada/calls", TOKEN)
    sent = sum(request.startswith("PUT") for request in hub.requests)
    other = finished_run(tmp_path, Recipe(base="openai/whisper-base"), wav2vec2=True)
    push(other, "ada/calls", TOKEN)
    arrived = hub.models["ada/calls"]
    assert arrived.commits == [f"Run {run.id}", f"Run {other.id}"]
    assert arrived.files["model.safetensors"] == (other.model / "model.safetensors").read_bytes()
    assert b"whisper-base" in arrived.files["README.md"]
    push(other, "ada/calls", TOKEN)
    assert len(arrived.commits) == 2  # nothing is new
    assert sum(request.startswith("PUT") for request in hub.requests) == sent + 1


def test_weights_of_an_earlier_push_do_not_stay_beside_the_new_ones(run: RunDir, hub: Hub) -> None:
    push(run, "ada/calls", TOKEN)
    files = hub.models["ada/calls"].files
    old = ("model-00001-of-00002.safetensors", "model.safetensors.index.json")
    files |= dict.fromkeys(old, b"{}") | {"notes.md": b"hers"}
    push(run, "ada/calls", TOKEN)
    left = set(hub.models["ada/calls"].files)
    assert not left & set(old)
    assert "notes.md" in left


@pytest.mark.parametrize(
    "name",
    [
        "calls",
        "",
        "ada/",
        "/calls",
        "ada/calls/x",
        "ada/../x",
        "ada/a--b",
        "ada/calls.git",
        "a b/c",
        "ada/calls-",
        "https://huggingface.co/ada/calls",
        "ada/" + "x" * 97,
        "ada/c\nalls",
    ],
)
def test_a_name_that_the_hub_would_not_take_is_refused_before_anything_is_sent(
    name: str, run: RunDir, hub: Hub
) -> None:
    message = refusal(run, name)
    assert message.startswith("The name must have the form your-name/my-model, but is ")
    assert not hub.requests


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "A token with write access is needed to push: create one at "),
        (None, "A token with write access is needed to push: create one at "),
        ("  hf_two words ", "The token is not valid: copy it again from "),
        ("hf_\N{SNOWMAN}", "The token is not valid: copy it again from "),
    ],
)
def test_what_cannot_be_a_token_is_refused_before_anything_is_sent(
    token: str | None, sentence: str, run: RunDir, hub: Hub
) -> None:
    message = refusal(run, token=token)
    assert message.startswith(sentence)
    assert "two words" not in message
    assert not hub.requests


def test_a_wrong_token_is_reported(run: RunDir, hub: Hub) -> None:
    assert refusal(run, token="hf_expired") == (
        "The Hub rejected this token: copy it again from https://huggingface.co/settings/tokens."
    )


def test_a_read_only_token_creates_nothing(run: RunDir, hub: Hub) -> None:
    hub.users["hf_reader"] = User("ada", role="read")
    assert refusal(run, token="hf_reader") == (
        "This token has read access only: create one with write access at "
        "https://huggingface.co/settings/tokens."
    )
    assert not hub.models


def test_a_token_without_write_access_to_this_name_is_refused(run: RunDir, hub: Hub) -> None:
    hub.users["hf_narrow"] = User("ada", role="fineGrained")
    assert refusal(run, token="hf_narrow") == (
        "This token has no write access to ada/calls: grant it at "
        "https://huggingface.co/settings/tokens, or push to your own account."
    )


def test_somebody_elses_name_is_refused_and_the_own_one_suggested(run: RunDir, hub: Hub) -> None:
    assert refusal(run, "bob/calls") == (
        "This token belongs to ada, who has no write access to bob: push to ada/calls, or use a token "
        "of bob."
    )


def test_a_name_with_another_model_is_refused_and_not_overwritten(run: RunDir, hub: Hub) -> None:
    hers = Repository({"config.json": b"{}", ".gitattributes": b""})
    hub.models["ada/calls"] = hers
    assert refusal(run) == (
        "ada/calls contains a model that was not pushed by Intent Studio: choose another name."
    )
    assert hers.files == {"config.json": b"{}", ".gitattributes": b""}


def test_a_name_that_was_just_taken_is_refused(run: RunDir, hub: Hub) -> None:
    hub.faults.append(Fault("POST /api/repos/create", 409))
    assert refusal(run) == "ada/calls is taken: choose another name."


def test_a_private_push_to_a_public_model_is_refused(run: RunDir, hub: Hub) -> None:
    push(run, "ada/calls", TOKEN)
    assert refusal(run, private=True) == (
        "ada/calls already exists and is public: make it private in its settings on the Hub, or "
        "choose another name."
    )
    assert len(hub.models["ada/calls"].commits) == 1


def test_what_is_private_stays_private(run: RunDir, hub: Hub) -> None:
    push(run, "ada/calls", TOKEN, private=True)
    push(run, "ada/calls", TOKEN)
    assert hub.models["ada/calls"].private


STEPS = {
    "who it is": "GET /api/whoami-v2",
    "what is there": "GET /api/models/ada/calls$",
    "the repository": "POST /api/repos/create",
    "the card": "POST /api/validate-yaml",
    "before the upload": "POST .*/preupload/",
    "the batch": "POST .*/objects/batch",
    "the weights": "PUT /storage/",
    "the check": "POST .*/lfs/verify",
    "the commit": "POST .*/commit/",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (500, "it returned status 500"),
        ("cut", "the connection was lost"),
        ("stall", "it did not answer in time"),
    ],
)
def test_a_failure_at_any_step_is_reported_and_the_push_can_be_repeated(
    step: str, kind: int | str, reason: str, run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "stall":  # the others must not be cut short on a busy machine
        monkeypatch.setattr(hub_http, "SILENCE_SECONDS", 0.5)
        close_session()
    fault = Fault(STEPS[step], kind)
    hub.faults.append(fault)
    message = refusal(run)
    assert message == f"The push to ada/calls failed ({reason}): try again. {UNCHANGED}"
    assert not any(repository.commits for repository in hub.models.values())
    fault.times = 0  # all is well again
    push(run, "ada/calls", TOKEN)
    weights = (run.model / "model.safetensors").read_bytes()
    assert hub.models["ada/calls"].files["model.safetensors"] == weights


@pytest.mark.parametrize("step", STEPS)
def test_too_many_requests_end_the_push_with_the_wait_that_the_hub_asks_for(
    step: str, run: RunDir, hub: Hub
) -> None:
    hub.faults.append(Fault(STEPS[step], 429, headers={"Retry-After": "120"}))
    assert refusal(run) == (
        "Too many requests to the Hub: try again in 120 s. The run is unchanged."
    )


@pytest.mark.parametrize("kind", [500, "cut"])
def test_weights_are_sent_again_after_one_failure(kind: int | str, run: RunDir, hub: Hub) -> None:
    hub.faults.append(Fault("PUT /storage/.*", kind, times=1))
    push(run, "ada/calls", TOKEN)
    weights = (run.model / "model.safetensors").read_bytes()
    assert hub.models["ada/calls"].files["model.safetensors"] == weights
    assert hashlib.sha256(weights).hexdigest() in hub.large


def test_a_missing_connection_is_reported(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    point_client_at(address, monkeypatch)
    assert "failed (no connection): try again. The run is unchanged" in refusal(run)


def test_offline_mode_is_reported(run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "(offline mode is on: HF_HUB_OFFLINE)" in refusal(run)
    assert not hub.requests


def test_a_run_that_trains_is_not_pushed(run: RunDir, hub: Hub) -> None:
    with locks.hold(run.lock_file, ""), pytest.raises(RunError, match="is still training"):
        push(run, "ada/calls", TOKEN)
    run.lock_file.unlink()
    assert not hub.requests


LOAD = """
import json, sys
import numpy as np
from transformers import AutoModelForAudioClassification, pipeline
from intent.audio.clip import Clip
from intent.checkpoints.resolve import describe
from intent.models.classifier import classify
name, samples = "ada/calls", np.load(sys.argv[1])
stock = pipeline("audio-classification", model=name)(samples.copy(), top_k=None)
ours = classify(Clip(samples, 16000), name).top
model = AutoModelForAudioClassification.from_pretrained(name)
info = describe(name)
print(json.dumps([[a["score"] for a in stock], [s.score for s in ours], model.config.id2label[0],
    info.base, info.accuracy]))
"""


def test_what_was_pushed_loads_by_its_name_and_predicts_the_same(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    push(run, "ada/calls", TOKEN, private=True)
    sound = tiny.tone("low", sample_rate=16_000)
    np.save(tmp_path / "sound.npy", sound)
    clean = {name: value for name, value in os.environ.items() if "HF_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "sound.npy")],
        cwd=ROOT,
        env={
            **clean,
            "HF_ENDPOINT": constants.ENDPOINT,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": TOKEN,
        },
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stock, ours, label, base, accuracy = json.loads(done.stdout.splitlines()[-1])
    here = [score.score for score in classify(Clip(sound, 16_000), str(run.model)).top]
    assert stock == pytest.approx(here, abs=1e-6)
    assert ours == pytest.approx(here, abs=1e-6)
    assert (label, base) == ("low", "openai/whisper-tiny.en")
    assert accuracy == pytest.approx(5 / 6)


def by_command(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `python -m intent` in a fresh process."""
    clean = {name: value for name, value in os.environ.items() if "HF_" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "intent", *arguments],
        cwd=ROOT,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**clean, "HF_ENDPOINT": constants.ENDPOINT, "HF_HUB_DISABLE_XET": "1", **environment},
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def pushed_by_command(run: RunDir, *arguments: str, **environment: str) -> tuple[int, str, str]:
    return by_command("push", run.id, "--runs", str(run.path.parent), *arguments, **environment)


def test_the_command_prints_where_it_is(run: RunDir, hub: Hub) -> None:
    url = f"{constants.ENDPOINT}/ada/calls"
    arguments = ("--to", "ada/calls", "--private", "--json")
    code, out, err = pushed_by_command(run, *arguments, HF_TOKEN=TOKEN)
    assert (code, json.loads(out), err) == (0, {"run": run.id, "url": url}, "")
    assert hub.models["ada/calls"].private
    assert "model.safetensors" in hub.models["ada/calls"].files


def test_the_command_takes_the_saved_login_where_no_token_is_set(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)  # as `hf auth login` leaves it
    code, _, err = pushed_by_command(run, "--to", "ada/calls", HF_HOME=str(tmp_path))
    assert (code, err) == (0, "")
    assert hub.tokens_seen == {TOKEN}


def test_the_command_says_in_one_line_what_to_fix(run: RunDir, hub: Hub, tmp_path: Path) -> None:
    assert pushed_by_command(run, "--to", "ada/calls", HF_TOKEN="hf_old") == (
        2,
        "",
        "The Hub rejected this token: copy it again from https://huggingface.co/settings/tokens.\n",
    )
    code, out, err = pushed_by_command(run, "--to", "ada/calls", HF_HOME=str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith(
        "A token with write access is needed, but none was found: run `hf auth login` or set HF_TOKEN"
    )
    assert err.count("\n") == 1


def test_a_job_that_trains_in_a_fresh_folder_leaves_its_run_on_the_hub(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    base, home = tiny.tiny_whisper(tmp_path / "base"), tmp_path / "job"
    hub.models["ada/tiny"] = Repository.of(base)
    home.mkdir()
    arguments = ["--data", "sample", "--base", "ada/tiny", "--recipe", "instant", "--json"]
    code, out, err = by_command(
        "train",
        *arguments,
        "--set",
        "window_seconds=1",
        "copies=0",
        "--push-to",
        "ada/calls",
        HF_TOKEN=TOKEN,
        HF_HOME=str(home / "hub"),
        INTENT_RUNS=str(home / "runs"),
        INTENT_CACHE=str(home / "cache"),
    )
    assert code == 0, err
    result, pushed = map(json.loads, out.splitlines()[-2:])
    assert pushed == {"run": result["run"], "url": f"{constants.ENDPOINT}/ada/calls"}
    there, model = hub.models["ada/calls"].files, home / "runs" / result["run"] / "model"
    assert there["model.safetensors"] == (model / "model.safetensors").read_bytes()
    assert TOKEN not in out + err
    assert not any(TOKEN.encode() in data for data in contents(home).values())


def test_what_cannot_be_pushed_is_reported_before_training_begins(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    code, out, err = by_command(
        "train",
        "--data",
        "sample",
        "--push-to",
        "eve/calls",
        HF_TOKEN=TOKEN,
        INTENT_RUNS=str(tmp_path / "runs"),
    )
    assert (code, out) == (2, "")
    assert err.startswith("This token belongs to ada, who has no write access to eve")
    assert not (tmp_path / "runs").exists()


def test_the_token_is_sent_but_never_stored(
    run: RunDir,
    hub: Hub,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_DEBUG", True)  # the client prints what it sends
    caplog.set_level(logging.DEBUG)
    for name in ("huggingface_hub", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    hub.faults.append(Fault("POST .*/commit/", 500, times=1))
    refusal(run)
    push(run, "ada/calls", TOKEN)
    assert hub.tokens_seen == {TOKEN}
    for name in ("huggingface_hub", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    printed = "".join(capfd.readouterr())
    assert TOKEN not in caplog.text + printed
    assert TOKEN not in str(dict(os.environ))
    assert not any(TOKEN.encode() in data for data in contents(run.path).values())
    assert not any(TOKEN.encode() in data for data in hub.models["ada/calls"].files.values())

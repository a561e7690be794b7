"""Checkpoints are found by name, described, and refused in a sentence when they do not fit."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from intent import paths
from intent.audio.clip import Clip
from intent.checkpoints import download
from intent.checkpoints import resolve as checkpoints
from intent.checkpoints.provenance import Provenance, write_provenance
from intent.checkpoints.resolve import CheckpointInfo, describe, resolve
from intent.errors import CheckpointError
from intent.models import classifier, loading
from tests import tiny
from tests.hub import Fault, Hub, Repository, serve
from tests.repository import ROOT


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return tiny.tiny_whisper(tmp_path_factory.mktemp("checkpoint") / "whisper")


@pytest.fixture
def folder(whisper, tmp_path):
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(whisper, tmp_path / "spoilt"))


def edit_config(folder: Path, changes: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def message_of(checkpoint: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        describe(checkpoint)
    return str(caught.value)


def load_message(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        loading.loaded(str(folder))
    return str(caught.value)


def test_describe_describes_a_checkpoint_from_elsewhere(whisper):
    assert describe(str(whisper)) == CheckpointInfo(
        name=str(whisper),
        labels=("low", "middle", "high"),
        base=None,
        accuracy=None,
        interval=None,
        window_seconds=2.0,
    )


def test_describe_returns_the_provenance_of_our_checkpoints(folder):
    provenance = Provenance(
        base="openai/whisper-tiny.en",
        preset="instant",
        data="sample",
        locales=("en-US",),
        seed=1,
        accuracy=0.9,
        interval=(0.8, 0.95),
        test_clips=50,
        trained_on=(),
    )
    write_provenance(folder, provenance)
    info = describe(str(folder))
    assert (info.base, info.accuracy, info.interval) == (
        "openai/whisper-tiny.en",
        0.9,
        (0.8, 0.95),
    )


def test_an_encoder_without_a_window_is_given_the_whole_clip(tmp_path):
    assert describe(str(tiny.tiny_wav2vec2(tmp_path))).window_seconds is None


def test_labels_come_in_the_order_of_their_ids(folder):
    edit_config(
        folder,
        {
            "id2label": {str(i): f"label {i}" for i in (2, 10, 1, 0)}
            | {str(i): f"label {i}" for i in range(3, 10)}
        },
    )
    assert describe(str(folder)).labels == tuple(f"label {i}" for i in range(11))


def test_the_bundled_checkpoint_predicts_the_14_intents_or_none():
    from intent.labels import MINDS14_LABELS

    info = describe("bundled")
    assert info.labels == (*MINDS14_LABELS, "none")
    assert info.reject_label == "none"
    assert info.window_seconds == 15


def test_a_missing_bundled_checkpoint_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUNDLED_CHECKPOINT", tmp_path / "gone")
    assert message_of("bundled") == (
        "The bundled checkpoint is missing from assets/checkpoint: download the project again, or "
        "choose another checkpoint."
    )


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    assert message_of(str(tmp_path)) == (
        f'The checkpoint "{checkpoints.short(str(tmp_path))}" is not an audio-classification '
        "checkpoint: it has no config.json. Choose a finished run, the bundled checkpoint or "
        "another Hub id."
    )


@pytest.mark.parametrize(
    ("architectures", "named"),
    [
        (["Wav2Vec2ForCTC"], "Wav2Vec2ForCTC"),
        (["BertModel"], "BertModel"),
        (None, "missing"),
    ],
)
def test_another_kind_of_model_is_refused_by_its_name(folder, architectures, named):
    edit_config(folder, {"architectures": architectures})
    assert message_of(str(folder)) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" is not an audio-classification '
        f"checkpoint: its architecture is {named}. Choose a finished run, the bundled checkpoint "
        f"or "
        "another Hub id."
    )


def test_a_checkpoint_without_a_feature_extractor_is_refused(folder):
    (folder / "preprocessor_config.json").unlink()
    assert message_of(str(folder)) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has no feature extractor '
        "(preprocessor_config.json): copy that file from its base model, or choose "
        "another checkpoint."
    )


def test_pickled_weights_are_not_loaded(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert message_of(str(folder)) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has no safetensors weights, '
        "and other formats are not loaded (pickles can run code): save it again with save_pretrained, "
        "or choose "
        "another checkpoint."
    )


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_config_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    assert message_of(str(folder)) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has a config.json that is not a JSON '
        "object: save the checkpoint again, or choose another one."
    )


@pytest.mark.parametrize("id2label", [{"0": "a", "2": "b"}, {"x": "a"}, ["a", "b"], 7])
def test_labels_without_whole_numbers_from_0_are_refused(folder, id2label):
    edit_config(folder, {"id2label": id2label})
    assert message_of(str(folder)) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has a damaged config.json: id2label '
        "should number its labels 0, 1, 2 and so on, but does not. Save it again, or choose "
        "another checkpoint."
    )


def test_a_head_for_another_number_of_labels_is_refused(folder):
    edit_config(folder, {"id2label": {"0": "yes", "1": "no"}, "label2id": {"yes": 0, "no": 1}})
    assert load_message(folder) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has weights for 3 labels, but its '
        "config names 2: fix id2label in its config.json, or choose another checkpoint."
    )


def test_a_missing_head_is_refused_not_initialized_at_random(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_message(folder) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has weights that are missing '
        "(classifier.bias): save or download it again, or choose another checkpoint."
    )


def test_weights_with_the_older_names_of_weight_norm_are_whole(tmp_path):
    folder = tiny.tiny_wav2vec2(tmp_path)
    clip = Clip(tiny.tone("low"), 8000)
    before = classifier.classify(clip, str(folder)).top
    older = {
        "parametrizations.weight.original0": "weight_g",
        "parametrizations.weight.original1": "weight_v",
    }
    weights = load_file(folder / "model.safetensors")
    for new, old in older.items():
        for name in [name for name in weights if name.endswith(new)]:
            weights[name.replace(new, old)] = weights.pop(name)
    assert any(name.endswith("weight_g") for name in weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert classifier.classify(clip, str(folder)).top == before


def test_an_encoder_of_another_width_is_refused(folder):
    edit_config(folder, {"encoder_ffn_dim": 32})
    assert load_message(folder) == (
        f'The checkpoint "{checkpoints.short(str(folder))}" has weights that are of a different shape '
        "than its config says (encoder.layers.0.fc1.bias): save or download it again, or choose "
        "another checkpoint."
    )


def test_damaged_weights_are_refused(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    message = load_message(folder)
    start, end = message.split(" could not be loaded (")
    assert start == f'The checkpoint "{checkpoints.short(str(folder))}"'
    assert end.endswith(
        "): its files are damaged or do not belong together. Save or download it again, or choose "
        "another checkpoint."
    )
    assert "\n" not in message


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_name_is_refused(name):
    assert message_of(name) == (
        "A checkpoint was expected, but none was given: choose the bundled checkpoint, a folder or "
        "a Hub id such as owner/name."
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/no/such/folder", "/no/such/folder"),
        ("../..x/y/z", "../..x/y/z"),
        ("a/../b", "a/../b"),
        ("owner/na me", "owner/na me"),
        ("a\0b", "a b"),
        ("a\nb", "a b"),
        ("http://x/y", "http://x/y"),
        ("a..b/c", "a..b/c"),
        ("x" * 5000, "..." + "x" * 97),
        ("~nobody-of-this-name/x", None),
        ("-rf/x", "-rf/x"),
        ("owner/name?revision=x", "owner/name?revision=x"),
    ],
)
def test_a_name_that_is_neither_a_folder_nor_an_id_is_refused(name, shown, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert message_of(name) == (
        f'The checkpoint "{shown or name}" is neither an existing folder nor a Hub id such as '
        "owner/name: check its spelling, or choose the bundled checkpoint."
    )


def test_the_checkpoint_of_a_run_is_named_by_the_runs_id(whisper, tmp_path, monkeypatch):
    monkeypatch.setenv("INTENT_RUNS", str(tmp_path))
    run_id = "20261127-101112-instant-0a1b"
    assert message_of(run_id) == (
        f"The run {run_id} has no checkpoint: choose a finished run, or the bundled checkpoint."
    )
    model = Path(shutil.copytree(whisper, tmp_path / run_id / "model"))
    assert resolve(run_id) == model
    assert checkpoints.run_named_by(str(model)) == run_id
    for other in (model.parent, whisper, model / "model", "model", tmp_path / "x" / "model"):
        assert checkpoints.run_named_by(str(other)) is None


HUB_SCRIPT = """
import json, sys
from intent.checkpoints import download
from intent.checkpoints.resolve import describe, locate
from intent.errors import CheckpointError
settings = json.loads(sys.argv[1])
for name, value in settings.items():
    setattr(download, name, value)
for line in sys.stdin:
    download.fetch_snapshot.cache_clear()
    verb, name = line.split()
    try:
        found = describe(name).labels if verb == "describe" else sorted(
            path.name for path in locate(name).iterdir())
        print(json.dumps(found))
    except CheckpointError as error:
        print(json.dumps(str(error)))
"""


def ask_hub(
    endpoint: str,
    cache: Path,
    questions: list[str],
    settings: dict[str, int] | None = None,
    offline: bool = False,
) -> list[object]:
    """Answers from a fresh process, since the Hub's address is read when its client is imported."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("HF_HUB_OFFLINE", "SPACE_ID")
    }
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_HUB_OFFLINE": "1"} if offline else {}
    done = subprocess.run(
        [sys.executable, "-c", HUB_SCRIPT, json.dumps(settings or {})],
        cwd=ROOT,
        input="\n".join(questions),
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def unreachable(name: str, reason: str, advice: str = "check the name and your connection") -> str:
    return (
        f'The checkpoint "{name}" could not be downloaded from the Hugging Face Hub ({reason}): '
        f"{advice}, or choose the bundled checkpoint."
    )


@pytest.fixture(scope="module")
def pickled(whisper, tmp_path_factory):
    folder = Path(shutil.copytree(whisper, tmp_path_factory.mktemp("hub") / "pickled"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (folder / "modeling.py").write_text("raise SystemExit('remote code ran')")
    return folder


def test_the_hub_is_asked_for_json_and_safetensors_alone_and_its_refusals_are_passed_on(
    whisper, pickled, tmp_path
):
    models = {
        "a/whole": Repository.of(whisper),
        "a/pickled": Repository.of(pickled),
        "a/proposed": Repository.of(pickled, whisper),
        "a/gated": Repository(gated=True),
    }
    with serve(Hub(models=models)) as endpoint:
        answers = ask_hub(
            endpoint,
            tmp_path,
            [
                "describe a/whole",
                "locate a/whole",
                "locate a/proposed",
                "locate a/pickled",
                "locate a/nothing",
                "locate a/gated",
            ],
        )
    files = ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert answers == [
        ["low", "middle", "high"],
        files,
        files,
        'The checkpoint "a/pickled" has no safetensors weights, and other formats are not loaded '
        "(pickles can run code): save it again with save_pretrained, or choose another checkpoint.",
        'The checkpoint "a/nothing" was not found on the Hugging Face Hub, or it is private: check '
        "the name, set HF_TOKEN if it is yours, or choose the bundled checkpoint.",
        'The checkpoint "a/gated" requires you to accept its terms: accept them on the Hugging Face '
        "Hub and set HF_TOKEN, or choose the bundled checkpoint.",
    ]
    # The server is gone: what was fetched still serves, a conversion that was proposed included.
    again = ["locate a/whole", "locate a/proposed", "locate a/pickled"]
    assert ask_hub(endpoint, tmp_path, again) == [
        files,
        files,
        unreachable("a/pickled", "no connection"),
    ]


def test_offline_says_so_and_uses_what_was_fetched(whisper, tmp_path):
    with serve(Hub(models={"a/whole": Repository.of(whisper)})) as endpoint:
        ask_hub(endpoint, tmp_path, ["locate a/whole"])
        answers = ask_hub(endpoint, tmp_path, ["locate a/whole", "locate a/b"], offline=True)
    assert "model.safetensors" in answers[0]
    assert answers[1] == unreachable(
        "a/b",
        "offline mode is on: HF_HUB_OFFLINE",
        "unset HF_HUB_OFFLINE to download it",
    )


def test_weights_beyond_the_limit_are_not_fetched(whisper, tmp_path):
    with serve(Hub(models={"a/whole": Repository.of(whisper)})) as endpoint:
        answers = ask_hub(endpoint, tmp_path, ["locate a/whole"], {"MAX_WEIGHT_BYTES": 10})
    assert answers == [
        'The checkpoint "a/whole" has 0.0 GB of weights; at most 0 GB are supported: choose a '
        "smaller checkpoint."
    ]
    assert not list(tmp_path.rglob("model.safetensors"))


def test_the_wait_for_a_hub_that_never_responds_is_limited(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        answers = ask_hub(endpoint, tmp_path, ["locate a/b"], {"FIRST_ANSWER_SECONDS": 1})
    assert answers == [unreachable("a/b", "it did not answer in time")]
    assert download.FIRST_ANSWER_SECONDS < 20


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("/api/models/", 500), "it returned status 500"),
        (Fault("/api/models/", 403), "it returned status 403: check HF_TOKEN"),
        (Fault("/resolve/.*json", 404), "it returned status 404"),
        (
            Fault("/resolve/.*safetensors", 429, headers={"Retry-After": "120"}),
            "too many requests: try again in 120 s",
        ),
        (Fault("/api/models/", 429), "too many requests"),
        (Fault("/api/models/", "cut"), "the connection was lost"),
    ],
)
def test_each_failure_of_the_hub_is_reported_in_one_sentence(whisper, tmp_path, fault, reason):
    hub_there = Hub(models={"a/whole": Repository.of(whisper)}, faults=[fault])
    with serve(hub_there) as endpoint:
        assert ask_hub(endpoint, tmp_path, ["locate a/whole"]) == [unreachable("a/whole", reason)]


def test_a_refused_token_is_not_mistaken_for_a_missing_checkpoint(whisper, tmp_path):
    fault = Fault("/api/models/", 401)
    with serve(Hub(models={"a/whole": Repository.of(whisper)}, faults=[fault])) as endpoint:
        (answer,) = ask_hub(endpoint, tmp_path, ["locate a/whole"])
    assert answer.startswith('The checkpoint "a/whole" ')
    assert "HF_TOKEN" in answer


def test_what_is_fetched_from_the_hub_can_be_loaded(whisper, tmp_path):
    with serve(Hub(models={"a/whole": Repository.of(whisper)})) as endpoint:
        ask_hub(endpoint, tmp_path, ["locate a/whole"])
    fetched = next(tmp_path.rglob("model.safetensors")).parent
    clip = Clip(tiny.tone("low"), 8000)
    answers = [classifier.classify(clip, str(folder)).top for folder in (fetched, whisper)]
    assert answers[0] == answers[1]

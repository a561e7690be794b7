"""Every preset trains every kind of base, and its checkpoint gives probabilities."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForAudioClassification, pipeline

from intent import recipes
from intent.audio.clip import clip_hash, read_clip, resample
from intent.estimate.flops import clip_cost
from intent.models.encoders import SUM_LEFT_OUT, family
from intent.runs import events
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.training.train import train
from tests.tiny import BASES, LABELS, tiny_wav2vec2, tone, tone_folder, wav_bytes

QUICK = {
    "guide": {"epochs": 1},
    "recommended": {"epochs": 1, "copies": 0},
    "instant": {"copies": 0},
}


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tone_folder(tmp_path_factory.mktemp("data") / "tones", clips_per_label=5)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {name: make(folder / name) for name, make in BASES.items()}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on models this small, threads wait for each other
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTENT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    torch.set_num_threads(threads)


def trained(preset: str, base: Path, data: Path, folder: Path, **changes: object) -> RunDir:
    recipe = recipes.preset(preset, family(str(base)))
    values = {"base": str(base), "data": str(data), "window_seconds": 1, **QUICK[preset], **changes}
    run = RunDir(folder)
    folder.mkdir()
    train(recipes.change(recipe, values), run, run.append)
    return run


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("preset", recipes.PRESETS)
def test_every_preset_turns_every_base_into_a_checkpoint_of_probabilities(
    preset: str, name: str, bases: dict[str, Path], tones: Path, tmp_path: Path
) -> None:
    run = trained(preset, bases[name], tones, tmp_path / "run")
    config = json.loads((run.model / "config.json").read_text())
    assert config["problem_type"] == "single_label_classification"
    assert config["dtype"] == "float32"
    notices = [event.sentence for event in run.events() if isinstance(event, events.Notice)]
    assert notices == ([SUM_LEFT_OUT] if name == "whisper, weighted sum" else [])
    stock = pipeline("audio-classification", model=str(run.model), device="cpu", top_k=None)
    sounds = {clip_hash(clip): clip for clip in map(read_clip, tones.rglob("*.wav"))}
    clips = read_report(run).clips
    assert len(clips) == 3
    for clip in clips:
        samples = resample(sounds[clip.hash], stock.feature_extractor.sampling_rate).samples
        scores = {answer["label"]: answer["score"] for answer in stock(samples)}
        assert sum(scores.values()) == pytest.approx(1, abs=1e-5) and min(scores.values()) >= 0
        assert dict(clip.top) == pytest.approx(scores, abs=1e-5)


@pytest.mark.parametrize("preset", ["guide", "recommended"])
def test_clips_shorter_than_a_mask_are_trained_on_unmasked(preset: str, tmp_path: Path) -> None:
    base = tiny_wav2vec2(tmp_path / "base", mask_time_length=10)  # 0.2 s
    for label in LABELS:
        (tmp_path / "data" / label).mkdir(parents=True)
        for seed in range(5):
            sound = wav_bytes(tone(label, seed, seconds=0.11))
            (tmp_path / "data" / label / f"{seed}.wav").write_bytes(sound)
    run = trained(preset, base, tmp_path / "data", tmp_path / "run")
    assert isinstance(run.events()[-1], events.Finished)


@pytest.mark.parametrize("name", BASES)
def test_the_work_of_every_base_can_be_counted(name: str, bases: dict[str, Path]) -> None:
    for preset in recipes.PRESETS:
        recipe = recipes.preset(preset, family(str(bases[name])))
        values = {"base": str(bases[name]), "window_seconds": 1}
        assert clip_cost(recipes.change(recipe, values), 1.0).whole > 0


def test_a_sum_over_layers_is_trained_with_all_of_them(
    bases: dict[str, Path], tones: Path, tmp_path: Path
) -> None:
    run = trained("recommended", bases["hubert, weighted sum"], tones, tmp_path / "run")
    model = AutoModelForAudioClassification.from_pretrained(run.model)
    base = AutoModelForAudioClassification.from_pretrained(bases["hubert, weighted sum"])
    assert model.config.use_weighted_layer_sum
    assert not torch.equal(model.layer_weights, base.layer_weights)

"""Laws of muted padding."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from intent.audio.clip import read_clip, resample
from intent.checkpoints.resolve import locate
from intent.models.encoders import fingerprint, load_base
from intent.models.linear_head import install_head
from intent.models.split import PooledEncoder
from intent.models.whisper_padding import (
    GAIN,
    SHARPNESS,
    hide_padding,
    mute_padding,
    padding_neuron,
)
from intent.paths import EXAMPLES
from tests.tiny import LABELS, tiny_whisper


@pytest.fixture(autouse=True)
def detectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cached detectors: empty, so that they are fitted by this code."""
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "padding"


def test_muting_is_the_same_each_time_and_done_once(tmp_path: Path) -> None:
    models = []
    for _ in range(2):
        model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
        assert mute_padding(model, extractor)
        assert not mute_padding(model, extractor)
        models.append(model)
    assert fingerprint(models[0]) == fingerprint(models[1])


def test_one_neuron_of_the_last_layer_is_all_that_changes(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert mute_padding(model, extractor)
    assert not model.encoder.layers[-1].fc1._forward_pre_hooks  # it would keep all later inputs
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    last = "encoder.layers.1."
    assert changed == {last + "fc1.weight", last + "fc1.bias", last + "fc2.weight"}
    difference = model.state_dict()[last + "fc2.weight"] - before[last + "fc2.weight"]
    assert int((difference.abs().sum(0) > 0).sum()) == 1


def test_a_detector_is_fitted_once_for_an_encoder(detectors: Path, tmp_path: Path) -> None:
    base = str(tiny_whisper(tmp_path / "tiny"))
    assert mute_padding(*load_base(base, LABELS, 2))
    [file] = detectors.iterdir()
    np.save(file, np.append(np.zeros(32), 7.0))
    model, extractor = load_base(base, LABELS, 2)
    assert mute_padding(model, extractor)
    fc1, neuron = model.encoder.layers[-1].fc1, padding_neuron(model)
    assert not fc1.weight[neuron].any()
    assert fc1.bias[neuron] == SHARPNESS * 7
    assert mute_padding(*load_base(base, LABELS, 1))  # a window of another length
    assert len(list(detectors.iterdir())) == 2


def test_the_neuron_that_counts_least_is_rewritten(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    last = model.encoder.layers[-1]
    with torch.no_grad():
        last.fc1.weight[3] *= 0.01  # alone the smallest product of what it reads and writes
        last.fc2.weight[:, 4] *= 0.1
    assert mute_padding(model, extractor)
    assert json.loads(model.config.to_json_string())["padding_neuron"] == 3


def unchanged_by_muting(tmp_path: Path, spoil: bool, should_stop: bool) -> bool:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    with torch.no_grad():
        if spoil:  # all frames look the same to the last network
            model.encoder.layers[-1].final_layer_norm.weight.zero_()
    before = fingerprint(model)
    assert not mute_padding(model, extractor, lambda: should_stop)
    return fingerprint(model) == before and padding_neuron(model) is None


def test_an_encoder_that_does_not_tell_padding_from_speech_is_left_unchanged(
    detectors: Path, tmp_path: Path
) -> None:
    assert unchanged_by_muting(tmp_path, spoil=True, should_stop=False)
    assert not detectors.exists()


def test_a_stop_while_the_detector_is_fitted_leaves_the_model_unchanged(
    detectors: Path, tmp_path: Path
) -> None:
    assert unchanged_by_muting(tmp_path, spoil=False, should_stop=True)
    assert not detectors.exists()


def test_the_bundled_checkpoint_was_muted_and_remembers_it() -> None:
    model = AutoModelForAudioClassification.from_pretrained(locate("bundled"))
    assert padding_neuron(model) is not None


def test_an_installed_head_hears_the_speech_only(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    assert mute_padding(model.eval(), extractor)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((3, 32)).astype(np.float32)
    biases = rng.standard_normal(3).astype(np.float32)
    norm, clip = model.encoder.layer_norm, resample(read_clip(EXAMPLES / "pay-a-bill.wav"), 16000)
    samples = clip.samples[:16000]  # half of the window
    inputs = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features
    with torch.inference_mode():
        norm.weight.copy_(torch.from_numpy(rng.uniform(0.5, 2, 32)))
        norm.bias.copy_(torch.from_numpy(rng.standard_normal(32)))
        install_head(model, (weights, biases), PooledEncoder(model)(inputs).numpy())
        *pooled, share = PooledEncoder(model)(inputs)[0].numpy()
        logits = model(inputs).logits[0].numpy()
    assert 0.4 < share < 0.6
    expected = share * (weights @ np.array(pooled) + biases)
    assert np.allclose(logits - logits.mean(), expected - expected.mean(), atol=0.01)


def test_a_head_that_no_direction_satisfies_still_gets_a_finite_one(tmp_path: Path) -> None:
    model, _ = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    model.config.padding_neuron = 5
    rng = np.random.default_rng(0)
    hide_padding(model, rng.standard_normal((3, 32)), 1e3 * rng.standard_normal(3))
    column = model.encoder.layers[-1].fc2.weight[:, 5].detach()
    assert float(column.norm()) == pytest.approx(GAIN, rel=1e-5)


def test_without_muted_padding_there_is_nothing_to_hide(tmp_path: Path) -> None:
    model, _ = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    before = fingerprint(model)
    hide_padding(model, np.ones((3, 32)), np.zeros(3))
    assert fingerprint(model) == before


@pytest.mark.parametrize("name", ["pay-a-bill.wav", "card-abroad.wav", "freeze-my-card.wav"])
def test_the_bundled_checkpoint_ignores_all_but_the_speech(name: str) -> None:
    model = AutoModelForAudioClassification.from_pretrained(locate("bundled")).eval()
    extractor = AutoFeatureExtractor.from_pretrained(locate("bundled"))
    clip = resample(read_clip(EXAMPLES / name), 16000)
    inputs = extractor(clip.samples, sampling_rate=16000, return_tensors="pt").input_features
    with torch.inference_mode():
        *pooled, share = PooledEncoder(model)(inputs)[0]
        speech = model.classifier(model.projector(torch.stack(pooled)))
        logits = model(inputs).logits[0]
    assert 0.05 < share < clip.seconds / 15 + 0.01
    expected, found = share * (speech - speech.mean()), logits - logits.mean()
    assert torch.allclose(found, expected, atol=0.05 * float(expected.abs().max()))

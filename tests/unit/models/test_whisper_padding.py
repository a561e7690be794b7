"""Laws of muted padding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from intent.audio.clip import read_clip, resample
from intent.checkpoints.resolve import locate
from intent.models.encoders import fingerprint, load_base
from intent.models.split import PooledEncoder
from intent.models.whisper_padding import hide_padding, mute_padding, padding_neuron
from intent.paths import EXAMPLES
from tests.tiny import LABELS, tiny_whisper


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
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    last = "encoder.layers.1."
    assert changed == {last + "fc1.weight", last + "fc1.bias", last + "fc2.weight"}
    difference = model.state_dict()[last + "fc2.weight"] - before[last + "fc2.weight"]
    assert int((difference.abs().sum(0) > 0).sum()) == 1


def test_the_bundled_checkpoint_was_muted_and_remembers_it() -> None:
    model = AutoModelForAudioClassification.from_pretrained(locate("bundled"))
    assert padding_neuron(model) is not None


def test_the_head_gives_padding_frames_equal_logits(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "tiny")), LABELS, 2)
    assert mute_padding(model, extractor)
    rng = np.random.default_rng(0)
    weights, biases = rng.standard_normal((3, 32)), rng.standard_normal(3)
    hide_padding(model, weights, biases)
    with torch.inference_mode():
        column = model.encoder.layers[-1].fc2.weight[:, padding_neuron(model)]
        muted = model.encoder.layer_norm(column * 100).double().numpy()
    logits = weights @ muted + biases
    assert np.ptp(logits) < 1e-3


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

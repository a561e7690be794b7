"""Laws of a classifier in two parts, and of a window that is cut."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

from intent.errors import CheckpointError
from intent.models.encoders import fingerprint, load_base
from intent.models.split import split_model
from intent.training.gradient.batches import Collator, FeatureDataset
from tests.tiny import LABELS, tiny_wav2vec2, tiny_whisper, tone

WINDOW = 2  # seconds


def loaded(make, folder: Path):
    return load_base(str(make(folder)), LABELS, WINDOW)


def inputs_of(extractor, seconds: float = 2.0) -> torch.Tensor:
    sound = tone("low", seconds=seconds, sample_rate=16000)
    batch = extractor(sound, sampling_rate=16000, return_tensors="pt")
    return batch[extractor.model_input_names[0]]


@pytest.mark.parametrize("make", [tiny_whisper, tiny_wav2vec2])
@pytest.mark.parametrize("trainable_layers", [0, 1, 2, 48])
def test_the_two_parts_together_are_the_whole(make, trainable_layers: int, tmp_path: Path) -> None:
    model, extractor = loaded(make, tmp_path / "tiny")
    parts = split_model(model, trainable_layers)
    with torch.no_grad():
        expected = model(inputs_of(extractor)).logits
        found = parts.trained(parts.frozen(inputs_of(extractor))).logits
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("make", [tiny_whisper, tiny_wav2vec2])
def test_training_the_part_trains_the_whole(make, tmp_path: Path) -> None:
    model, extractor = loaded(make, tmp_path / "tiny")
    parts = split_model(model, 1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in parts.trained.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert any("layers.1." in name for name in changed) and "classifier.weight" in changed
    assert not any("layers.0." in name or "conv" in name for name in changed)


def test_without_frozen_layers_all_of_the_model_is_trained(tmp_path: Path) -> None:
    model, _ = loaded(tiny_wav2vec2, tmp_path / "tiny")
    parts = split_model(model, None)
    assert parts.frozen is None and parts.trained is model
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_shorter_whisper_window_loads_in_stock_pipeline(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "long", window_seconds=4)), LABELS, 1)
    model.save_pretrained(tmp_path / "short")
    extractor.save_pretrained(tmp_path / "short")
    answer = pipeline("audio-classification", model=str(tmp_path / "short"), top_k=None)(
        tone("low", seconds=3, sample_rate=16000)
    )
    assert {row["label"] for row in answer} == set(LABELS)
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "short").n_samples == 16000


def test_a_shorter_window_has_the_first_positions_and_does_not_train_them(tmp_path: Path) -> None:
    base = str(tiny_whisper(tmp_path / "tiny", window_seconds=4))
    (whole, _), (short, _) = load_base(base, LABELS, 4), load_base(base, LABELS, 1)
    positions = short.encoder.embed_positions.weight
    assert torch.equal(positions, whole.encoder.embed_positions.weight[:50])
    assert not positions.requires_grad
    assert short.config.max_source_positions == short.encoder.max_source_positions == 50


def test_a_window_longer_than_the_base_has_is_refused(tmp_path: Path) -> None:
    base = str(tiny_whisper(tmp_path / "tiny", window_seconds=2))
    with pytest.raises(CheckpointError) as error:
        load_base(base, LABELS, 3)
    assert str(error.value) == (
        f"The window of {base} is at most 2 s, but window_seconds is 3: set it to 2 or less."
    )


def test_a_folder_that_is_no_audio_classifier_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="cannot be loaded as an audio classifier") as error:
        load_base(str(tmp_path), LABELS, 2)
    assert "\n" not in str(error.value)


def test_labels_are_saved_with_integer_ids(tmp_path: Path) -> None:
    model, _ = loaded(tiny_whisper, tmp_path / "tiny")
    model.save_pretrained(tmp_path / "saved")
    config = AutoModelForAudioClassification.from_pretrained(tmp_path / "saved").config
    assert config.id2label == dict(enumerate(LABELS))
    assert config.label2id == {name: index for index, name in enumerate(LABELS)}
    assert all(isinstance(index, int) for index in config.label2id.values())


def test_a_fingerprint_tells_weights_apart_but_not_heads(tmp_path: Path) -> None:
    model, _ = loaded(tiny_whisper, tmp_path / "tiny")
    before = fingerprint(model)
    assert fingerprint(model) == before
    with torch.no_grad():
        model.classifier.bias[0] += 1
    assert fingerprint(model) == before
    with torch.no_grad():
        model.encoder.conv1.bias[0] += 1
    assert fingerprint(model) != before


def test_a_batch_with_a_mask_scores_each_clip_as_if_alone(tmp_path: Path) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    config = Wav2Vec2Config.from_pretrained(tiny_wav2vec2(tmp_path / "tiny"))
    config.feat_extract_norm, config.do_stable_layer_norm = "layer", True
    torch.manual_seed(0)
    model = Wav2Vec2ForSequenceClassification(config).eval()
    parts = split_model(model, 48)
    features, alone = [], []
    for seconds in (0.7, 1.3):
        sound = torch.from_numpy(tone("low", seconds=seconds, sample_rate=16000))[None]
        with torch.no_grad():
            activations = parts.frozen(sound)[0].numpy()
            alone.append(model(sound).logits[0])
        features.append(SimpleNamespace(load=lambda mode, found=activations: found))
    dataset = FeatureDataset("input_values", features, [0, 1])
    batch = Collator("input_values", with_mask=True, convolved=model)([dataset[0], dataset[1]])
    with torch.no_grad():
        together = parts.trained(**batch).logits
    assert torch.allclose(together, torch.stack(alone), atol=1e-4)

"""A base that lacks weights of its encoder is refused; what a new head may lack is initialized."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from intent.checkpoints.resolve import short
from intent.errors import CheckpointError
from intent.models.encoders import load_base
from tests import tiny

FAMILIES = ("wav2vec2", "hubert", "wavlm")
IS_NEW = ("layer_weights", "masked_spec_embed", "projector", "classifier")


def keep(folder: Path, is_kept: Callable[[str], bool]) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if is_kept(name)}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_over_layers_that_a_base_lacks_are_equal(family: str, tmp_path: Path) -> None:
    folder = tiny.tiny_wav2vec2(tmp_path, family=family, use_weighted_layer_sum=True)
    keep(folder, lambda name: not any(new in name for new in IS_NEW))
    filler = [torch.full((3,), torch.nan) for _ in range(20_000)]
    del filler  # memory that is reused without being set would hold these
    model, _ = load_base(str(folder), tiny.LABELS, 1)
    assert torch.equal(model.layer_weights, torch.full((3,), 1 / 3))
    embedding = getattr(model, family).masked_spec_embed
    assert embedding.min() >= 0 and embedding.max() < 1 and embedding.std() > 0.1


def test_weights_over_layers_that_a_base_has_are_kept(tmp_path: Path) -> None:
    folder = tiny.tiny_wav2vec2(tmp_path, use_weighted_layer_sum=True)
    weights = load_file(folder / "model.safetensors")
    weights["layer_weights"] = torch.tensor([0.0, 1.0, 2.0])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    model, _ = load_base(str(folder), tiny.LABELS, 1)
    assert torch.equal(model.layer_weights, weights["layer_weights"])


@pytest.mark.parametrize(
    ("make", "lost"),
    [
        (tiny.tiny_wav2vec2, "wav2vec2.encoder.layers.1.attention.k_proj.weight"),
        (tiny.tiny_whisper, "encoder.layers.1.fc1.bias"),
    ],
)
def test_a_base_that_lacks_a_weight_of_its_encoder_is_refused(
    make: Callable[[Path], Path], lost: str, tmp_path: Path
) -> None:
    folder = make(tmp_path)
    keep(folder, lambda name: name != lost)
    with pytest.raises(CheckpointError) as refused:
        load_base(str(folder), tiny.LABELS, 1)
    assert str(refused.value) == (
        f'The base model "{short(str(folder))}" has weights that are missing ({lost}): save or '
        "download it again, or choose another base model."
    )


def test_a_base_whose_encoder_has_other_shapes_than_its_config_is_refused(tmp_path: Path) -> None:
    folder = tiny.tiny_wav2vec2(tmp_path)
    weights = load_file(folder / "model.safetensors")
    name = "wav2vec2.feature_projection.projection.bias"
    weights[name] = torch.zeros(16)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"of a different shape .*{name}"):
        load_base(str(folder), tiny.LABELS, 1)


@pytest.mark.parametrize("labels", [tiny.LABELS, tiny.LABELS[:2]])
def test_a_base_needs_no_head(labels: tuple[str, ...], tmp_path: Path) -> None:
    folder = tiny.tiny_whisper(tmp_path)
    keep(folder, lambda name: name.startswith("encoder."))
    model, _ = load_base(str(folder), labels, 2)
    assert model.classifier.out_features == len(labels)
    assert model.classifier.weight.isfinite().all()

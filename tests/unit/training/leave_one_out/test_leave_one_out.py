"""Laws of the leave-one-out loss and of the network that it trains."""

from pathlib import Path

import numpy as np
import pytest
import torch

from intent.models.whisper_ffn import FeedForward, FeedForwardInput
from intent.models.whisper_padding import padding_neuron
from intent.recipes import Recipe
from intent.training.leave_one_out.loss import (
    FIRST_LOG_SCALE,
    RIDGE,
    SCALE_RATE,
    LeaveOneOut,
    leave_one_out_logits,
    optimizer_for,
)
from tests.tiny import LABELS, tiny_whisper

CLASSES = 3


def some(clips: int = 24, width: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(clips) % CLASSES
    noise = torch.randn(clips, width, generator=generator, dtype=torch.float64)
    centres = torch.randn(CLASSES, width, generator=generator, dtype=torch.float64)
    return noise + centres[labels], labels


def test_logits_are_those_of_a_ridge_regression_fitted_without_the_clip() -> None:
    features, labels = some()
    targets = torch.nn.functional.one_hot(labels, CLASSES).double()
    x = torch.cat([features - features.mean(0), torch.ones(len(features), 1)], 1).double()
    penalty = RIDGE * x[:, :-1].square().sum(0).mean() * torch.eye(x.shape[1]).double()
    penalty[-1, -1] = 0  # the offset is free
    for clip in range(len(x)):
        others = torch.arange(len(x)) != clip
        a, b = x[others], targets[others]
        weights = torch.linalg.solve(a.T @ a + penalty, a.T @ b)
        expected = x[clip] @ weights - targets.mean(0)
        found = leave_one_out_logits(features, labels, CLASSES)[clip]
        assert torch.allclose(found, expected, atol=1e-8)


def test_noise_that_a_head_can_memorize_is_not_classified() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(60, 50, generator=generator)
    labels = torch.arange(60) % CLASSES
    right = (leave_one_out_logits(noise, labels, CLASSES).argmax(1) == labels).float().mean()
    assert right < 0.6


@pytest.mark.parametrize("clips", [1, 2, 3])
def test_few_clips_give_finite_logits_and_gradients(clips: int) -> None:
    features = torch.randn(clips, 8, generator=torch.Generator().manual_seed(2)).requires_grad_()
    logits = leave_one_out_logits(features, torch.arange(clips) % CLASSES, CLASSES)
    logits.sum().backward()
    assert torch.isfinite(logits).all() and torch.isfinite(features.grad).all()


def loaded(tmp_path: Path, neuron: int | None = None) -> torch.nn.Module:
    from transformers import WhisperForAudioClassification

    model = WhisperForAudioClassification.from_pretrained(tiny_whisper(tmp_path / "tiny"))
    if neuron is not None:
        model.config.padding_neuron = neuron
    return model.eval()


def test_the_feed_forward_network_on_its_input_is_the_encoder(tmp_path: Path) -> None:
    model = loaded(tmp_path)
    mel = torch.randn(2, 80, 200, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        streams = FeedForwardInput(model)(mel)
        expected = model.encoder(mel).last_hidden_state
        for stream, output in zip(streams, expected, strict=True):
            assert torch.allclose(FeedForward(model)(stream), output, atol=1e-5)


def test_muted_frames_are_left_out_of_the_input(tmp_path: Path) -> None:
    model = loaded(tmp_path, neuron=5)
    mel = torch.randn(2, 80, 200, generator=torch.Generator().manual_seed(0))
    fc1 = model.encoder.layers[-1].fc1
    seen = []
    hook = fc1.register_forward_hook(lambda _, __, output: seen.append(output[..., 5]))
    with torch.inference_mode():
        model.encoder(mel)
        hook.remove()
        lower, upper = seen[0].flatten().sort().values[99:101]
        fc1.bias[5] -= (lower + upper) / 2
        expected = [int(kept) for kept in (seen[0] <= lower).sum(1)]
        assert [len(stream) for stream in FeedForwardInput(model)(mel)] == expected
        fc1.bias[5] = 1e3  # nothing but padding: then all frames count
        assert [len(stream) for stream in FeedForwardInput(model)(mel)] == [100, 100]


@pytest.mark.parametrize("neuron", [5, None])
def test_training_leaves_the_neuron_that_mutes_padding_and_the_norms_unchanged(
    neuron: int | None, tmp_path: Path
) -> None:
    model = loaded(tmp_path, neuron)
    assert padding_neuron(model) == neuron
    before = {name: value.clone() for name, value in model.state_dict().items()}
    module = LeaveOneOut(model)
    optimizer = optimizer_for(module, Recipe(learning_rate=0.01, weight_decay=0.1))
    frames = torch.randn(9, 4, 32, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        optimizer.zero_grad()
        module(frames, torch.arange(9) % len(LABELS)).loss.backward()
        optimizer.step()
    after = model.state_dict()
    last = "encoder.layers.1."
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    network = {f"{last}fc{layer}.{part}" for layer in (1, 2) for part in ("weight", "bias")}
    assert changed == network
    if neuron is not None:
        for name in (f"{last}fc1.weight", f"{last}fc1.bias"):
            assert torch.equal(before[name][neuron], after[name][neuron])
        column = f"{last}fc2.weight"
        assert torch.equal(before[column][:, neuron], after[column][:, neuron])


def test_weights_decay_as_the_recipe_says_but_the_scale_of_the_logits_does_not(
    tmp_path: Path,
) -> None:
    module = LeaveOneOut(loaded(tmp_path))
    network, scale = optimizer_for(
        module, Recipe(learning_rate=0.01, weight_decay=0.1)
    ).param_groups
    assert (network["lr"], network["weight_decay"]) == (0.01, 0.1)
    assert (scale["lr"], scale["weight_decay"]) == (SCALE_RATE, 0.0)
    assert len(network["params"]) == 4 and scale["params"] == [module.log_scale]


def test_the_regression_is_in_single_precision_whatever_the_networks_is(tmp_path: Path) -> None:
    module = LeaveOneOut(loaded(tmp_path))
    module.feed_forward = torch.nn.Identity()
    features, labels = some()
    frames = features.bfloat16().unsqueeze(1) + torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1)
    frames = frames.bfloat16()
    expected = leave_one_out_logits(frames.float().mean(1), labels, CLASSES)
    expected = expected * np.exp(FIRST_LOG_SCALE)
    with torch.autocast("cpu", torch.bfloat16):
        logits = module(frames, labels).logits
    assert torch.allclose(logits, expected, atol=1e-5)


def test_the_loss_falls_if_frames_determine_the_label(tmp_path: Path) -> None:
    module = LeaveOneOut(loaded(tmp_path))
    labels = torch.arange(30) % len(LABELS)
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((30, 4, 32)).astype(np.float32)
    frames[:, 0, :3] += 3 * np.eye(3)[labels]
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=0.003)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = module(torch.from_numpy(frames), labels).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]

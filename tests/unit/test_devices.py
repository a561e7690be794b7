"""A device, its precision and its name agree with what torch finds here."""

import subprocess
import sys

import pytest
import torch

from intent.audio.clip import Clip, read_clip
from intent.devices import best_device, compute_in, device_name, may_have_gpu, precision
from intent.models.classifier import Score, predict
from intent.models.loading import load
from intent.paths import EXAMPLES
from tests import gpu_check, tiny
from tests.repository import ROOT


def test_the_best_device_computes_in_its_precision():
    device = best_device()
    half_or_single = torch.ones(3, 3, dtype=precision(device), device=device)
    assert (half_or_single @ half_or_single).float().sum().item() == 27


def test_torch_finds_no_gpu_where_there_is_certainly_none():
    assert may_have_gpu() or best_device() == "cpu"


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_without_cuda_precision_is_single(device):
    assert precision(device) == torch.float32


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cuda_is_half_precision_and_bfloat16_only_where_the_gpu_computes_in_it(
    native, dtype, monkeypatch
):
    # What a GPU without bfloat16 says cannot be had on every machine: torch's answer is set.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native)
    assert precision("cuda") == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_answers_as_single_precision_does(dtype):
    single, half = load("bundled", "cpu"), load("bundled", "cpu")
    compute_in(half.pipeline.model, dtype)
    assert half.pipeline.dtype == dtype
    for path in sorted(EXAMPLES.glob("*.wav"))[:2]:
        clip = read_clip(path)
        assert gpu_check.agree(predict(half, clip), predict(single, clip)), path.name


@pytest.mark.parametrize("make", [tiny.tiny_whisper, tiny.tiny_wav2vec2])
@pytest.mark.parametrize("weighted_layers", [False, True])
def test_an_offset_that_all_logits_share_costs_half_precision_nothing(
    make, weighted_layers, tmp_path
):
    folder = make(tmp_path, use_weighted_layer_sum=weighted_layers)
    single, half = load(str(folder), "cpu"), load(str(folder), "cpu")
    compute_in(half.pipeline.model, torch.bfloat16)
    half.pipeline.model.classifier.bias.data += 2000
    clip = Clip(tiny.tone("low"), 8000)
    score_of = {score.label: score.score for score in predict(half, clip)}
    for score in predict(single, clip):
        assert score_of[score.label] == pytest.approx(score.score, abs=0.005)


def test_a_cpu_is_named_with_its_threads():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert device_name("cpu") == "CPU, 1 thread"
        torch.set_num_threads(2)
        assert device_name("cpu") == "CPU, 2 threads"
    finally:
        torch.set_num_threads(before)


def test_the_gpu_check_says_so_where_there_is_no_gpu():
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu_check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if best_device() == "cpu":
        assert (done.returncode, done.stdout) == (2, "no GPU here: not measured\n")
    else:
        assert done.returncode == 0, done.stdout


def test_the_gpu_check_compares_the_example_clips(tmp_path, capsys):
    assert gpu_check.compare(str(tiny.tiny_whisper(tmp_path)), "cpu") == 0
    out = capsys.readouterr().out
    assert out.count(": agree\n") == 6
    assert out.count("  cpu   ") == 12


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 0.9, "b": 0.1}, {"a": 0.89, "b": 0.11}, True),
        ({"b": 0.51, "a": 0.49}, {"a": 0.505, "b": 0.495}, True),
        ({"b": 0.6, "a": 0.4}, {"a": 0.6, "b": 0.4}, False),
        (
            {"a": 0.9, "b": 0.04, "c": 0.03, "d": 0.02, "f": 0.006, "e": 0.004},
            {"a": 0.9, "b": 0.04, "c": 0.03, "d": 0.02, "e": 0.006, "f": 0.004},
            True,
        ),
    ],
)
def test_answers_agree_if_only_labels_of_nearly_equal_scores_change_places(one, other, same):
    def scores(answer: dict[str, float]) -> list[Score]:
        return [Score(*pair) for pair in answer.items()]

    assert gpu_check.agree(scores(one), scores(other)) is same

"""A clip's likeliest labels: those of the stock pipeline, from a checkpoint loaded once."""

import json
import math
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from intent.audio.clip import Clip, read_clip
from intent.audio.speech_part import MARGIN_SECONDS
from intent.checkpoints.description import MULTI_LABEL_SCORES
from intent.checkpoints.resolve import describe
from intent.cli.output import answer_text
from intent.errors import CheckpointError, IntentError
from intent.models import classifier, loading
from intent.models.classifier import MIN_SCORE, Score, classify, model_input, predict
from intent.models.loading import MAX_LOADED, loaded
from intent.paths import EXAMPLES
from intent.ui.shared.html import about_html, answer_html
from tests import tiny
from tests.late_speech import SECONDS_BEFORE, faint_noise, late
from tests.repository import ROOT


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return tiny.tiny_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory):
    return tiny.tiny_wav2vec2(tmp_path_factory.mktemp("wav2vec2"))


@pytest.fixture
def own_whisper(whisper, tmp_path):
    """A checkpoint that a test may change."""
    return Path(shutil.copytree(whisper, tmp_path / "own"))


def lean_to(folder: Path, label: str, logit: float) -> None:
    """Make a checkpoint predict one label by a margin of `logit` for any clip."""
    weights = load_file(folder / "model.safetensors")
    ids = json.loads((folder / "config.json").read_text())["label2id"]
    bias = torch.zeros(len(ids))
    bias[ids[label]] = logit
    weights["classifier.bias"] = bias
    weights["classifier.weight"] = torch.zeros_like(weights["classifier.weight"])
    new = folder / "model.safetensors.new"
    save_file(weights, new, metadata={"format": "pt"})
    new.replace(folder / "model.safetensors")


def clip_of(label: str = "low", seconds: float = 1.0, sample_rate: int = 8000) -> Clip:
    return Clip(tiny.tone(label, seconds=seconds, sample_rate=sample_rate), sample_rate)


def scores_by_hand(clip: Clip, checkpoint: str) -> list[Score]:
    """Every label's score by the guide's manual path: extractor, model, softmax, id2label."""
    model = loaded(checkpoint)
    network, samples = model.pipeline.model, model_input(clip, model)
    inputs = model.extractor(samples, sampling_rate=model.sample_rate, return_tensors="pt")
    with torch.inference_mode():
        logits = network(**inputs.to(network.device, network.dtype)).logits[0]  # (labels,)
    scores = logits.softmax(-1).tolist()
    return [Score(network.config.id2label[i], score) for i, score in enumerate(scores)]


@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.7])
def test_the_manual_path_gives_the_pipelines_scores(family, seconds, request):
    checkpoint = str(request.getfixturevalue(family))
    clip = clip_of("high", seconds)
    top = classify(clip, checkpoint, top_k=3).top
    by_hand = {score.label: score.score for score in scores_by_hand(clip, checkpoint)}
    assert {score.label for score in top} == set(by_hand)
    assert max(abs(score.score - by_hand[score.label]) for score in top) < 1e-5


@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
def test_a_stock_pipeline_gives_the_same_scores(family, request):
    from transformers import pipeline

    folder = request.getfixturevalue(family)
    clip = clip_of("middle", 2.5, sample_rate=16_000)
    stock = pipeline("audio-classification", model=str(folder), device="cpu")(clip.samples)
    ours = classify(clip, str(folder), top_k=5).top
    assert [score.label for score in ours] == [answer["label"] for answer in stock]
    np.testing.assert_allclose(
        [score.score for score in ours], [answer["score"] for answer in stock], atol=1e-5
    )


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(800, 40_000),
    sample_rate=st.sampled_from([8000, 16_000, 44_100]),
    top_k=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_answers_are_sorted_cut_and_share_at_most_one(whisper, samples, sample_rate, top_k, seed):
    noise = np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)
    answer = classify(Clip(noise, sample_rate), str(whisper), top_k)
    scores = [score.score for score in answer.top]
    assert len(scores) == min(top_k, len(tiny.LABELS))
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0
    assert sum(scores) <= 1 + 1e-6
    assert answer.used_seconds == min(samples / sample_rate, 2.0)


def test_an_answer_names_its_checkpoint_its_device_and_its_time(whisper):
    answer = classify(clip_of(), str(whisper))
    assert answer.checkpoint == str(whisper)
    assert answer.device
    assert answer.seconds > 0


def test_an_encoder_without_a_window_uses_all_of_a_clip(wav2vec2):
    assert classify(clip_of(seconds=4.5), str(wav2vec2)).used_seconds == 4.5


@pytest.mark.parametrize("top_k", [0, -1])
def test_fewer_answers_than_one_are_refused(whisper, top_k):
    with pytest.raises(IntentError) as caught:
        classify(clip_of(), str(whisper), top_k)
    assert str(caught.value) == (
        f"The number of intents (top_k) must be 1 or more, but is {top_k}."
    )


@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
@pytest.mark.parametrize("samples", [1, 10, 399])
def test_the_shortest_clips_are_followed_by_silence(family, samples, request):
    clip = Clip(np.full(samples, 0.1, np.float32), 16_000)
    padded = model_input(clip, loaded(str(request.getfixturevalue(family))))
    assert padded.shape == (8_000,)
    assert padded.dtype == np.float32
    np.testing.assert_array_equal(padded[samples:], 0)
    assert len(classify(clip, str(request.getfixturevalue(family))).top) == 3


@pytest.mark.parametrize(("heads", "attention"), [(2, "sdpa"), (2, "eager"), (32, "eager")])
def test_a_model_without_a_window_uses_no_more_than_its_attention_may_cost(
    heads, attention, tmp_path
):
    folder = tiny.tiny_wav2vec2(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"num_attention_heads": heads, "attn_implementation": attention}
    (folder / "config.json").write_text(json.dumps(config))
    model = loaded(str(folder))
    scores = 60e6 if attention == "sdpa" else 10e6
    frames = math.sqrt(scores / heads)  # of 320 samples
    assert model.longest_seconds == pytest.approx(min(300, frames * 320 / 16_000))
    answer = classify(clip_of(seconds=120.0), str(folder))
    assert answer.used_seconds == pytest.approx(min(120.0, model.longest_seconds))


def test_a_replaced_folder_gives_new_answers(own_whisper):
    lean_to(own_whisper, "low", 9.0)
    assert classify(clip_of(), str(own_whisper)).top[0].label == "low"
    lean_to(own_whisper, "high", 9.0)
    assert classify(clip_of(), str(own_whisper)).top[0].label == "high"


def test_a_folder_left_as_it_is_is_loaded_once(whisper):
    assert loaded(str(whisper)) is loaded(str(whisper))


def test_a_folder_left_as_it_is_is_not_even_read_again(whisper, monkeypatch):
    before = loaded(str(whisper))
    monkeypatch.setattr(loading, "resolve", None)
    assert loaded(str(whisper)) is before


def test_callers_at_the_same_time_share_one_load(whisper):
    gate, models = threading.Barrier(4), []

    def call() -> None:
        gate.wait()
        models.append(loaded(str(whisper)))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models) == 4
    assert len({id(model) for model in models}) == 1


def test_callers_at_the_same_time_get_their_own_answers(whisper):
    clips = [clip_of(label, seconds=1 + 0.1 * seed) for seed, label in enumerate(tiny.LABELS * 4)]
    alone = [classify(clip, str(whisper)).top for clip in clips]
    together: dict[int, object] = {}

    def call(index: int) -> None:
        together[index] = classify(clips[index], str(whisper)).top

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(clips))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[index] for index in range(len(clips))] == alone


def test_only_the_last_used_checkpoints_stay_in_memory(whisper, tmp_path):
    folders = [Path(shutil.copytree(whisper, tmp_path / str(i))) for i in range(MAX_LOADED + 1)]
    first = loaded(str(folders[0]))
    for folder in folders[1:-1]:
        loaded(str(folder))
    assert loaded(str(folders[0])) is first
    second = loaded(str(folders[1]))
    third = loaded(str(folders[2]))
    loaded(str(folders[0]))
    loaded(str(folders[1]))
    loaded(str(folders[-1]))
    assert loaded(str(folders[0])) is first and loaded(str(folders[1])) is second
    assert loaded(str(folders[2])) is not third


def test_a_failed_load_is_tried_again(own_whisper):
    weights = (own_whisper / "model.safetensors").read_bytes()
    (own_whisper / "model.safetensors").write_bytes(weights[:100])
    with pytest.raises(CheckpointError):
        loaded(str(own_whisper))
    (own_whisper / "model.safetensors").write_bytes(weights)
    assert len(classify(clip_of(), str(own_whisper)).top) == 3


def test_a_clip_without_speech_is_never_sure(own_whisper):
    lean_to(own_whisper, "low", 20.0)
    answer = classify(Clip(np.zeros(16_000, np.float32), 16_000), str(own_whisper))
    assert answer.top[0].score > 0.99
    assert not answer.has_speech
    assert not answer.sure


@pytest.mark.parametrize("logit", [0.0, 3.0])
def test_a_clip_with_speech_is_sure_if_its_score_reaches_the_minimum(own_whisper, logit):
    from intent.data.dataset import clip_at, load_data

    lean_to(own_whisper, "low", logit)
    sample = load_data("sample")
    answer = classify(clip_at(sample["test"], 0), str(own_whisper))
    assert answer.has_speech
    assert answer.sure == (answer.top[0].score >= MIN_SCORE) == (logit == 3.0)


def test_a_half_precision_checkpoint_computes_in_single_precision_on_a_cpu(own_whisper):
    weights = load_file(own_whisper / "model.safetensors")
    halves = {name: weight.half() for name, weight in weights.items()}
    save_file(halves, own_whisper / "model.safetensors", metadata={"format": "pt"})
    model = loaded(str(own_whisper)).pipeline.model
    assert model.dtype == (torch.float32 if model.device.type != "cuda" else torch.bfloat16)


def test_warming_up_loads_what_is_then_used(own_whisper, monkeypatch):
    classifier.warm_up(str(own_whisper))
    monkeypatch.setattr(loading, "load", None)  # not called again
    assert loaded(str(own_whisper)).pipeline


def test_importing_the_classifier_and_the_evaluation_loads_no_heavy_library():
    script = (
        "import json, sys; import intent.models.classifier, intent.evaluation.evaluate, intent.devices; "
        "print(json.dumps([name for name in ('torch', 'transformers', 'datasets', 'sklearn', "
        "'gradio', 'evaluate', 'huggingface_hub') if name in sys.modules]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(out) == []


def test_a_multi_label_checkpoint_says_that_each_score_stands_alone(tmp_path, whisper):
    folder = tiny.tiny_whisper(tmp_path / "multi", problem_type="multi_label_classification")
    answer = classify(clip_of(), str(folder))
    assert answer.multi_label and all(0 < score.score < 1 for score in answer.top)
    assert sum(score.score for score in answer.top) > 1.1
    words = answer_text("a.wav", answer), answer_html(answer, "multi")
    assert all(MULTI_LABEL_SCORES in text for text in words)
    assert MULTI_LABEL_SCORES in about_html(describe(str(folder)))
    alone = classify(clip_of(), str(whisper))
    assert not alone.multi_label and sum(score.score for score in alone.top) == pytest.approx(1)
    assert MULTI_LABEL_SCORES not in answer_text("a.wav", alone) + answer_html(alone, "one")
    assert MULTI_LABEL_SCORES not in about_html(describe(str(whisper)))


def test_speech_after_a_long_noise_is_classified_as_without_it():
    alone, clip = read_clip(EXAMPLES / "pay-a-bill.wav"), late("pay-a-bill")
    answer = classify(clip)
    assert answer.top[0].label == classify(alone).top[0].label == "pay_bill"
    assert answer.has_speech and answer.sure
    assert SECONDS_BEFORE - MARGIN_SECONDS <= answer.used_from < SECONDS_BEFORE
    assert answer.used_to == clip.seconds
    assert answer.part_in_words == (
        f"used {answer.used_from:.1f} s to {answer.used_to:.1f} s of {clip.seconds:.1f} s"
    )


def test_a_sentence_that_is_used_whole_gets_the_scores_of_the_whole():
    for file in sorted(EXAMPLES.glob("*.wav")):
        clip = read_clip(file)
        answer = classify(clip, top_k=15)
        assert answer.top == predict(loaded(), clip)
        assert (answer.used_from, answer.used_to, answer.part_in_words) == (0, clip.seconds, "")


def test_noise_alone_is_never_sure(own_whisper):
    lean_to(own_whisper, "low", 20.0)
    answer = classify(Clip(faint_noise(20, 8000), 8000), str(own_whisper))
    assert (answer.has_speech, answer.sure) == (False, False)
    assert (answer.used_from, answer.used_to) == (0, 2)


def test_the_part_that_was_used_ends_with_the_window(own_whisper):
    clip = late("pay-a-bill")  # its speech is longer than this model's window of 2 s
    answer = classify(clip, str(own_whisper))
    assert answer.used_seconds == pytest.approx(2.0)
    assert SECONDS_BEFORE - 0.6 <= answer.used_from < SECONDS_BEFORE
    assert answer.has_speech

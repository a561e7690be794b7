"""Checkpoints with a label that means "none of the intents": what their answers say."""

import json
import shutil
from pathlib import Path

import pytest

from intent.audio.clip import read_clip
from intent.cli.output import answer_text, utterance_text
from intent.models.classifier import Answer, classify
from intent.models.timeline import timeline
from intent.paths import EXAMPLES
from tests import tiny
from tests.unit.models.test_classifier import lean_to

CLIP = EXAMPLES / "pay-a-bill.wav"


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the intents low and middle; its label high means none of them."""
    folder = tiny.tiny_whisper(tmp_path_factory.mktemp("whisper"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "reject_label": "high"}))
    return folder


def answer_with(whisper: Path, folder: Path, label: str, logit: float, top_k: int = 5) -> Answer:
    """The answer of a checkpoint that leans to one label."""
    lean_to(Path(shutil.copytree(whisper, folder)), label, logit)
    return classify(read_clip(CLIP), str(folder), top_k)


@pytest.mark.parametrize(("label", "known"), [("high", False), ("low", True)])
@pytest.mark.parametrize("logit", [0.1, 2.0])
def test_an_answer_is_known_unless_the_reject_label_has_the_highest_score(
    label: str, known: bool, logit: float, whisper: Path, tmp_path: Path
) -> None:
    answer = answer_with(whisper, tmp_path / "own", label, logit)
    scores = {one.label: one.score for one in answer.top}
    assert answer.top[0].label == label and answer.known is known
    assert answer.known_score == pytest.approx(1 - scores["high"], abs=1e-6)
    assert answer.intents == 2
    assert answer.facts["known"] is known
    assert answer.facts["known_score"] == pytest.approx(answer.known_score, abs=1e-6)


def test_whether_an_answer_is_sure_does_not_depend_on_whether_it_is_known(
    whisper: Path, tmp_path: Path
) -> None:
    for label in ("high", "low"):
        assert answer_with(whisper, tmp_path / label, label, 3.0).sure


@pytest.mark.parametrize("top_k", [1, 3])
def test_none_of_the_intents_is_a_sentence_with_the_closest_one(
    top_k: int, whisper: Path, tmp_path: Path
) -> None:
    answer = answer_with(whisper, tmp_path / "own", "high", 2.0, top_k)
    [best, *_] = answer.closest
    assert best.label in ("low", "middle") and len(answer.closest) == min(top_k, 2)
    lines = answer_text("a.wav", answer).splitlines()
    assert lines[1] == (
        f"  None of the 2 intents. The closest is {best.label.capitalize()} ({best.score:.1%})."
    )
    known = answer_text("a.wav", answer_with(whisper, tmp_path / "known", "low", 2.0, top_k))
    assert "None of the" not in known


def test_the_reject_label_is_listed_only_if_it_is_the_answer_and_by_its_readable_name(
    whisper: Path, tmp_path: Path
) -> None:
    rejected = answer_with(whisper, tmp_path / "own", "high", 2.0, top_k=2)
    assert rejected.shown == rejected.top and "None of these" in answer_text("a.wav", rejected)
    known = answer_with(whisper, tmp_path / "known", "low", 2.0, top_k=2)
    assert {one.label for one in known.shown} == {"low", "middle"}
    assert "High" not in answer_text("a.wav", rejected) + answer_text("a.wav", known)


def test_every_answer_of_a_checkpoint_without_a_reject_label_is_known(tmp_path: Path) -> None:
    folder = tiny.tiny_whisper(tmp_path / "own", labels=("low", "none", "other"))
    answer = classify(read_clip(CLIP), str(folder))
    assert (answer.known, answer.known_score, answer.closest) == (True, 1.0, ())
    assert answer.intents == 3 and answer.shown == answer.top


@pytest.mark.parametrize(("label", "known"), [("high", False), ("low", True)])
def test_each_utterance_is_known_as_an_answer_is(
    label: str, known: bool, whisper: Path, tmp_path: Path
) -> None:
    lean_to(Path(shutil.copytree(whisper, tmp_path / "own")), label, 2.0)
    found = list(timeline(str(CLIP), str(tmp_path / "own"), top_k=1))
    assert found
    for one in found:
        assert one.known is known and one.to_json()["known"] is known
        assert (one.known_score > 0.5) is known
        assert one.to_json()["known_score"] == pytest.approx(one.known_score, abs=1e-6)
        assert ("None of these" in utterance_text(one)) is not known

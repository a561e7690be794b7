"""The bundled exam stays as it was made, and the wordings to train on do not give it away."""

import hashlib
import importlib.util
import json
from collections import Counter

import pytest

from intent.data.dataset import label_names, load_data
from intent.errors import RecipeError
from intent.labels import MINDS14_LABELS
from intent.paths import ASSETS, OWN_WORDS, OWN_WORDS_DATA
from intent.recipes import Recipe

SHARD = OWN_WORDS_DATA / "data" / "test-00000-of-00001.parquet"
SHA256 = "c034f11275ba4c9d127eb4195195086326a575f682dd582f5e0ad3f40e6f9e43"


@pytest.fixture(scope="module")
def wordings():
    """The module that reads the wordings to train on."""
    spec = importlib.util.spec_from_file_location("wordings", ASSETS / "wordings" / "sentences.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def exam():
    return load_data(OWN_WORDS)["all"]


def test_the_exam_is_the_one_that_was_made():
    assert hashlib.sha256(SHARD.read_bytes()).hexdigest() == SHA256
    assert SHARD.stat().st_size < 6_000_000


def test_the_exam_has_twenty_sentences_of_each_intent_and_sixty_of_none(exam):
    names = label_names(exam)
    counted = Counter(names[label] for label in exam["label"])
    assert counted == {**dict.fromkeys(MINDS14_LABELS, 20), "none": 60}


def test_each_sentence_of_the_exam_is_spoken_once(exam):
    written = json.loads((OWN_WORDS_DATA / "sentences.json").read_text(encoding="utf-8"))
    assert Counter(exam["transcription"]) == Counter(s for some in written.values() for s in some)


def test_no_sentence_to_train_on_is_like_one_of_the_exam(exam, wordings):
    asked = [wordings.words(sentence) for sentence in exam["transcription"]]
    for wording in wordings.wordings():
        own = wordings.words(wording.sentence)
        assert max(wordings.overlap(own, other) for other in asked) < 0.6, wording


def test_wordings_too_like_the_exam_exist_and_are_dropped(wordings):
    kept = {(wording.author, wording.label, wording.row) for wording in wordings.wordings()}
    british = json.loads((ASSETS / "wordings" / "british.json").read_text(encoding="utf-8"))
    row = british["joint_account"].index("Open a joint account.")
    assert ("british", "joint_account", row) not in kept
    assert len(kept) > 3700


def test_nothing_is_trained_on_the_exam():
    with pytest.raises(RecipeError, match='"own-words" is an exam, used only to evaluate'):
        Recipe(data=OWN_WORDS)

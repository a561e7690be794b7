"""What a checkpoint was trained on: read as it was written, and not at all where it is invalid."""

import dataclasses
import json
from pathlib import Path

import pytest

from intent.checkpoints.provenance import (
    FILE_NAME,
    MAX_BYTES,
    Provenance,
    read_provenance,
    sentence_hash,
    write_provenance,
)

TESTED = Provenance(
    base="openai/whisper-tiny.en",
    preset="instant",
    data="sample",
    locales=("en-US", "en-GB"),
    seed=1,
    accuracy=0.9,
    interval=(0.8, 0.95),
    test_clips=50,
    trained_on=("a" * 64, "b" * 64),
    sentences=("0" * 16,),
)
UNTESTED = dataclasses.replace(TESTED, accuracy=None, interval=None, test_clips=0)


@pytest.mark.parametrize("provenance", [TESTED, UNTESTED])
def test_what_was_written_is_read(provenance: Provenance, tmp_path: Path) -> None:
    assert read_provenance(tmp_path) is None
    write_provenance(tmp_path, provenance)
    assert read_provenance(tmp_path) == provenance


def test_a_hundred_thousand_clips_fit(tmp_path: Path) -> None:
    clips = range(100_000)
    many = dataclasses.replace(
        TESTED,
        trained_on=tuple(f"{clip:064x}" for clip in clips),
        sentences=tuple(f"{clip:016x}" for clip in clips),
    )
    write_provenance(tmp_path, many)
    assert read_provenance(tmp_path) == many


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(dataclasses.asdict(TESTED)) + " " * MAX_BYTES,
        json.dumps({**dataclasses.asdict(TESTED), "accuracy": float("nan")}),
        json.dumps({**dataclasses.asdict(TESTED), "extra": 1}),
    ],
    ids=["too long", "NaN", "an unknown field"],
)
def test_an_invalid_file_is_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    assert read_provenance(tmp_path) is None


def test_the_provenance_of_an_earlier_version_has_no_sentences(tmp_path: Path) -> None:
    write_provenance(tmp_path, TESTED)
    old = json.loads((tmp_path / FILE_NAME).read_text())
    del old["sentences"]
    (tmp_path / FILE_NAME).write_text(json.dumps(old))
    assert read_provenance(tmp_path) == dataclasses.replace(TESTED, sentences=())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Pay my bill, please!", "pay my  bill please", True),
        ("  FREEZE\tit_now ", "freeze it now", True),
        ("Caf\u00e9", "cafe\u0301", True),
        ("pay 2 bills", "pay 3 bills", False),
        ("pay my bill", "my bill pay", False),
    ],
)
def test_a_sentence_has_one_hash_whatever_its_case_punctuation_and_spaces(
    one: str, other: str, same: bool
) -> None:
    assert (sentence_hash(one) == sentence_hash(other)) is same
    assert len(sentence_hash(one)) == 16


@pytest.mark.parametrize("text", ["", "  ", "…?!", "_"])
def test_a_transcription_without_words_has_no_hash(text: str) -> None:
    assert sentence_hash(text) == ""

"""The bundled sample data set and the example clips: what any user of them may rely on."""

import io
import json
from collections import Counter

import numpy as np
import pyarrow.parquet as parquet
import pytest
import soundfile

from tests.repository import ROOT

ASSETS = ROOT / "assets"
SAMPLE = ASSETS / "sample"
FILES = {split: SAMPLE / "data" / f"{split}-00000-of-00001.parquet" for split in ("train", "test")}

# MInDS-14's order on the Hub, written out here: a label id must mean the same in both data sets.
INTENTS = [
    "abroad",
    "address",
    "app_error",
    "atm_limit",
    "balance",
    "business_loan",
    "card_issues",
    "cash_deposit",
    "direct_debit",
    "freeze",
    "high_value_payment",
    "joint_account",
    "latest_transactions",
    "pay_bill",
]
LOCALES = [
    "cs-CZ",
    "de-DE",
    "en-AU",
    "en-GB",
    "en-US",
    "es-ES",
    "fr-FR",
    "it-IT",
    "ko-KR",
    "nl-NL",
    "pl-PL",
    "pt-PT",
    "ru-RU",
    "zh-CN",
]
EXAMPLE_INTENTS = {
    "pay-a-bill.wav": "pay_bill",
    "account-balance.wav": "balance",
    "freeze-my-card.wav": "freeze",
    "card-abroad.wav": "abroad",
    "latest-transactions.wav": "latest_transactions",
    "open-a-joint-account.wav": "joint_account",
}
CLIPS_PER_INTENT = {"train": 12, "test": 4}
FULL_SCALE = 32768  # of int16


@pytest.fixture(scope="module")
def clips() -> dict[str, list[dict]]:
    """The rows of either part."""
    return {split: parquet.read_table(file).to_pylist() for split, file in FILES.items()}


@pytest.fixture(scope="module")
def sounds(clips: dict[str, list[dict]]) -> dict[str, tuple[np.ndarray, int]]:
    """Each clip's path, its samples as int16 and its rate."""
    rows = [row for part in clips.values() for row in part]
    return {
        row["path"]: soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        for row in rows
    }


def normalised(sentence: str) -> str:
    return "".join(letter for letter in sentence.lower() if letter.isalnum())


@pytest.mark.parametrize("split", FILES)
def test_every_intent_has_the_same_number_of_clips(clips, split):
    counts = Counter(row["intent_class"] for row in clips[split])
    assert counts == dict.fromkeys(range(len(INTENTS)), CLIPS_PER_INTENT[split])


def test_no_sentence_occurs_twice(clips):
    sentences = [normalised(row["transcription"]) for part in clips.values() for row in part]
    assert len(set(sentences)) == len(sentences)


def test_no_test_voice_speaks_in_the_training_part(clips):
    train, test = ({row["voice"] for row in clips[split]} for split in ("train", "test"))
    assert not train & test
    assert len(train) >= 30
    assert len(test) >= 10


@pytest.mark.parametrize("split", FILES)
def test_no_voice_is_tied_to_an_intent(clips, split):
    intents = {}
    for row in clips[split]:
        intents.setdefault(row["voice"], []).append(row["intent_class"])
    for voice, spoken in intents.items():
        assert len(spoken) >= 4, voice
        assert len(set(spoken)) == len(spoken), voice


@pytest.mark.parametrize("split", FILES)
def test_features_are_those_of_minds14_and_the_voice(split):
    metadata = parquet.read_schema(FILES[split]).metadata[b"huggingface"]
    features = json.loads(metadata)["info"]["features"]
    assert list(features) == [
        "path",
        "audio",
        "transcription",
        "english_transcription",
        "intent_class",
        "lang_id",
        "voice",
    ]
    assert features["intent_class"]["names"] == INTENTS
    assert features["lang_id"]["names"] == LOCALES
    assert (features["audio"]["_type"], features["audio"]["sampling_rate"]) == ("Audio", 8000)


def test_rows_agree_with_the_written_sentences(clips):
    written = json.loads((SAMPLE / "sentences.json").read_text(encoding="utf-8"))
    assert list(written) == INTENTS
    for split, rows in clips.items():
        spoken = {(INTENTS[row["intent_class"]], row["transcription"]) for row in rows}
        assert spoken == {(intent, text) for intent in INTENTS for text in written[intent][split]}


def test_paths_and_locales_follow_from_intent_and_voice(clips):
    for row in (row for part in clips.values() for row in part):
        assert row["path"].startswith(f"{INTENTS[row['intent_class']]}/{row['voice']}-")
        assert row["audio"]["path"] == row["path"]
        assert row["english_transcription"] == row["transcription"]
        assert LOCALES[row["lang_id"]] == ("en-GB" if row["voice"][0] == "b" else "en-US")


def test_every_path_is_used_once(clips, sounds):
    assert len(sounds) == sum(len(part) for part in clips.values())


def test_every_clip_is_eight_kilohertz_mono_of_one_to_seven_seconds(sounds):
    for path, (sound, rate) in sounds.items():
        assert rate == 8000, path
        assert sound.ndim == 1, path
        assert 1.0 <= len(sound) / rate <= 7.0, path


def test_every_clip_is_audible_and_not_clipped(sounds):
    for path, (sound, _) in sounds.items():
        level = sound.astype(float) / FULL_SCALE
        assert np.abs(level).max() < 0.95, path
        assert np.sqrt(np.mean(level**2)) > 0.02, path


def test_every_clip_lies_in_the_telephone_band(sounds):
    for path, (sound, rate) in sounds.items():
        power = np.abs(np.fft.rfft(sound.astype(float))) ** 2
        frequency = np.fft.rfftfreq(len(sound), 1 / rate)
        assert power[frequency < 200].sum() < 0.05 * power.sum(), path


def test_the_data_set_is_small():
    sizes = [file.stat().st_size for file in SAMPLE.rglob("*") if file.is_file()]
    assert sum(sizes) < 6_000_000


def test_datasets_loads_the_folder_without_network_or_torchcodec(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    parts = datasets.load_dataset(str(SAMPLE), cache_dir=str(tmp_path))
    assert {split: len(part) for split, part in parts.items()} == {"train": 168, "test": 56}
    first = parts["test"].cast_column("audio", datasets.Audio(decode=False))[0]
    assert first["audio"]["bytes"].startswith(b"fLaC")
    assert parts["test"].features["intent_class"].names == INTENTS


def test_the_examples_are_the_six_that_are_named():
    assert {file.name for file in (ASSETS / "examples").iterdir()} == set(EXAMPLE_INTENTS)


@pytest.mark.parametrize(("name", "intent"), EXAMPLE_INTENTS.items())
def test_an_example_is_plain_wav_of_a_test_clip_of_its_intent(clips, sounds, name, intent):
    sound, rate = soundfile.read(ASSETS / "examples" / name, dtype="int16")
    details = soundfile.info(ASSETS / "examples" / name)
    assert (details.format, details.subtype, rate) == ("WAV", "PCM_16", 8000)
    assert 2.5 <= len(sound) / rate <= 5.0
    candidates = [row for row in clips["test"] if INTENTS[row["intent_class"]] == intent]
    assert any(np.array_equal(sound, sounds[row["path"]][0]) for row in candidates)

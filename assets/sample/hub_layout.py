"""Write spoken sentences in the columns of MInDS-14 on the Hub, as Parquet."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow
import pyarrow.parquet
from datasets import Audio, ClassLabel, Features, Value

# The order of MInDS-14 on the Hub, so that label ids mean the same in both.
LOCALES = (
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
)

# path, encoded audio, sentence, intent, locale, voice
Row = tuple[str, bytes, str, str, str, str]


def write_parquet(rows: Iterable[Row], intents: list[str], sample_rate: int, file: Path) -> None:
    """Write the columns of MInDS-14 on the Hub, and `voice`."""
    features = Features(
        {
            "path": Value("string"),
            "audio": Audio(sampling_rate=sample_rate),
            "transcription": Value("string"),
            "english_transcription": Value("string"),
            "intent_class": ClassLabel(names=intents),
            "lang_id": ClassLabel(names=list(LOCALES)),
            "voice": Value("string"),
        }
    )
    records = [
        {
            "path": path,
            "audio": {"bytes": sound, "path": path},
            "transcription": sentence,
            "english_transcription": sentence,
            "intent_class": intents.index(intent),
            "lang_id": LOCALES.index(locale),
            "voice": voice,
        }
        for path, sound, sentence, intent, locale, voice in rows
    ]
    # Written by Arrow itself: Dataset would ask for torchcodec, though the bytes are at hand.
    table = pyarrow.Table.from_pylist(records, schema=features.arrow_schema)
    file.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, file)

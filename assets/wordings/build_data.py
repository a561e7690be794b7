"""Build the data set of the bundled checkpoint: MInDS-14 and the spoken wordings, in one folder.

From the repository's root, with the app's requirements, after `speak.py`:

    python assets/wordings/build_data.py --speech wordings-speech --minds14 minds14 --out own-words-data

With --hold-out AUTHOR the data serves to choose hyperparameters: the test set has that author's
sentences in a third of the voices, the training set the other authors' in the other voices.

--minds14 is "minds14" (from the Hub) or a folder with it. The training set is that of MInDS-14 (80 % of
en-US and en-GB, seed 42) and all spoken wordings; the test set is the rest of MInDS-14.
"""

import argparse
import io
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import soundfile
from datasets import ClassLabel, Features, Value
from sentences import Wording, wordings

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from intent.data.dataset import clip_at, label_names, load_data, split  # noqa: E402
from intent.labels import MINDS14_LABELS  # noqa: E402

LOCALES = ("en-US", "en-GB")
SEED = 42
REJECT = "none"
LABELS = (*MINDS14_LABELS, REJECT)
HELD_OUT_SHARE = 1 / 3  # of the voices
ROWS_PER_GROUP = 200
FEATURES = Features(
    {
        "path": Value("string"),
        "audio": {"bytes": Value("binary"), "path": Value("string")},
        "transcription": Value("string"),
        "label": ClassLabel(names=list(LABELS)),  # the reject label last
        "locale": Value("string"),
        "synthetic": Value("bool"),
    }
)


def recorded(data: str, part: str) -> Iterator[dict[str, object]]:
    """Yield the rows of MInDS-14's training or test set."""
    rows = split(load_data(data, LOCALES), SEED)[part]
    names, facts = label_names(rows), rows.remove_columns("audio")
    for index, fact in enumerate(facts):
        clip = clip_at(rows, index)
        file = io.BytesIO()
        soundfile.write(file, clip.samples, clip.sample_rate, format="WAV", subtype="PCM_16")
        label = names[fact["label"]]
        yield row(fact["name"], file.getvalue(), fact["transcription"], label, fact["locale"])


def spoken(
    speech: Path, wanted: Callable[[Wording], bool] = lambda wording: True
) -> Iterator[dict[str, object]]:
    """Yield the rows of the wordings; those that are not spoken yet are counted and left out."""
    missing = 0
    for wording in filter(wanted, wordings()):
        file = speech / wording.file_name
        if file.exists():
            sound = file.read_bytes()
            yield row(wording.file_name, sound, wording.sentence, wording.label, LOCALES[0], True)
        else:
            missing += 1
    if missing:
        print(f"{missing} wordings are not spoken yet: they are left out.", file=sys.stderr)


def is_held_out(speech: Path) -> Callable[[Wording], bool]:
    """Return whether a wording is spoken by one of the voices that are held out, the same each time."""
    voice_of = json.loads((speech / "voices.json").read_text(encoding="utf-8"))
    voices = sorted(set(voice_of.values()))
    new = set(random.Random(SEED).sample(voices, round(len(voices) * HELD_OUT_SHARE)))
    return lambda wording: voice_of.get(wording.file_name) in new


def row(
    name: str, sound: bytes, sentence: str, label: str, locale: str, synthetic: bool = False
) -> dict[str, object]:
    """Return a row of the table; audio formats are told apart by their content."""
    return {
        "path": name,
        "audio": {"bytes": sound, "path": name},
        "transcription": sentence,
        "label": LABELS.index(label),
        "locale": locale,
        "synthetic": synthetic,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds the data set of the bundled checkpoint.")
    parser.add_argument("--speech", type=Path, required=True, help="folder that speak.py filled")
    parser.add_argument("--minds14", default="minds14", help="minds14, or a folder with it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--hold-out", metavar="AUTHOR", help="test on this author's sentences")
    options = parser.parse_args()
    folder = options.out / "data"
    folder.mkdir(parents=True, exist_ok=True)
    train = [*recorded(options.minds14, "train")]
    if options.hold_out:
        is_new = is_held_out(options.speech)
        train += spoken(options.speech, lambda w: w.author != options.hold_out and not is_new(w))
        test = [*spoken(options.speech, lambda w: w.author == options.hold_out and is_new(w))]
    else:
        train += spoken(options.speech)
        test = [*recorded(options.minds14, "test")]
    for part, rows in (("train", train), ("test", test)):
        file = folder / f"{part}-00000-of-00001.parquet"
        table = pyarrow.Table.from_pylist(rows, schema=FEATURES.arrow_schema)
        pyarrow.parquet.write_table(table, file, row_group_size=ROWS_PER_GROUP)
        print(f"{file}: {len(rows)} recordings, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""Speak the wordings of this folder, one Opus file a sentence: 16 kHz, mono.

From the repository's root, in the environment of `assets/sample/build.py`:

    python assets/wordings/speak.py --downloads kokoro-downloads --out wordings-speech

It can be stopped and started again: what is in --out is kept. Takes about 2.5 s a sentence on two cores.
Voice, pace and accent of a sentence are drawn from its text; voices held out for exams are not used.
`voices.json` in --out says which voice speaks each file.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "sample"))

from kokoro_voices import HELD_OUT_VOICES, load_kokoro  # noqa: E402
from sentences import wordings  # noqa: E402
from speech import draw_speaker, speak, write_opus  # noqa: E402

SAMPLE_RATE = 16_000  # Hz, that of the encoders
COMPRESSION = 0.75  # about 68 kbit/s


def main() -> None:
    parser = argparse.ArgumentParser(description="Speaks the wordings of this folder.")
    parser.add_argument("--downloads", type=Path, required=True, help="model and voices")
    parser.add_argument("--out", type=Path, required=True, help="folder for one file a sentence")
    parser.add_argument("--threads", type=int, default=2, help="threads for synthesis")
    parser.add_argument("--authors", nargs="*", help="only these")
    options = parser.parse_args()

    kokoro = load_kokoro(options.downloads, options.threads)
    voices = [voice for voice in kokoro.get_voices() if voice not in HELD_OUT_VOICES]
    speakers = {
        wording.file_name: draw_speaker(
            voices, f"{wording.author}{wording.label}{wording.row}{wording.sentence}"
        )
        for wording in wordings()
    }
    options.out.mkdir(parents=True, exist_ok=True)
    voice_of = {file: speaker.voice for file, speaker in speakers.items()}
    (options.out / "voices.json").write_text(json.dumps(voice_of, indent=1), encoding="utf-8")
    todo = sorted(wordings(options.authors), key=lambda wording: wording.row)  # of every label
    for done, wording in enumerate(todo, start=1):
        file = options.out / wording.file_name
        if not file.exists():
            samples = speak(kokoro, wording.sentence, speakers[file.name], SAMPLE_RATE)
            write_opus(file, samples, SAMPLE_RATE, COMPRESSION)
        print(f"\r{done} of {len(todo)}", end="", flush=True)
    print()


if __name__ == "__main__":
    main()

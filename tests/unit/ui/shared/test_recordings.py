"""What a browser cannot play comes to its player as a WAV of the same sound."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from intent.audio.clip import clip_hash, read_clip
from intent.ui.classify.tab import make_playable
from intent.ui.shared.recordings import sound_for_player
from tests.tiny import tone, wav_bytes
from tests.unit.audio.test_clip import encoded
from tests.unit.audio.test_suffixes import recording


@pytest.mark.parametrize(
    "suffix", [".caf", ".amr", ".3gp", ".m4a", ".webm", ".ogg", ".wma", ".aiff"]
)
def test_a_format_that_some_browsers_do_not_play_comes_as_samples(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(recording(suffix))
    rate, samples = sound_for_player(str(path))
    assert samples.dtype == np.int16 and samples.ndim == 1
    assert clip_hash(read_clip((rate, samples))) == clip_hash(read_clip(path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.wav", lambda: wav_bytes(tone("low"))),
        ("a.mp3", lambda: recording(".mp3")),
        ("a.flac", lambda: recording(".flac")),
        ("called.amr", lambda: wav_bytes(tone("low"))),  # its content is a WAV
    ],
)
def test_what_every_browser_plays_stays_as_it_is(tmp_path: Path, name: str, content) -> None:
    (tmp_path / name).write_bytes(content())
    assert sound_for_player(str(tmp_path / name)) is None


def test_a_wav_with_an_unusual_encoding_comes_as_samples(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encoded("WAV", "IMA_ADPCM", tone("low", 0, 1.0), 8000))
    rate, samples = sound_for_player(str(tmp_path / "a.wav"))
    assert (rate, samples.dtype) == (8000, np.int16)


def test_the_player_gets_a_wav_of_the_same_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    path.write_bytes(recording(".caf"))
    with gr.Blocks():
        player = gr.Audio(type="filepath", format=None)
    value = make_playable(player, str(path))[player]
    shown = player.postprocess(value)
    assert Path(shown.path).suffix == ".wav"
    assert clip_hash(read_clip(shown.path)) == clip_hash(read_clip(path))


@pytest.mark.parametrize("content", [b"", b"Dear bank, " * 200])
def test_what_cannot_be_read_stays_for_the_answer_to_explain(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.caf").write_bytes(content)
    with gr.Blocks():
        player = gr.Audio(type="filepath", format=None)
    for path in (str(tmp_path / "a.caf"), None):
        assert player not in make_playable(player, path)

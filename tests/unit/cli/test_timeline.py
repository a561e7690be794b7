"""`classify --timeline` prints what is said in a long recording, utterance by utterance."""

import json
import re
from pathlib import Path

import pytest

from intent.audio.clip import write_wav
from intent.cli.main import main
from tests.long_recordings import LABELS, five_minutes

LINE = re.compile(r"  +(\d:\d\d\.\d) – (\d:\d\d\.\d) +\d+\.\d%  \w")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("long") / "call.wav"
    write_wav(five_minutes()[0], path)
    return str(path)


def test_json_has_one_object_an_utterance(
    capsys: pytest.CaptureFixture[str], recording: str
) -> None:
    assert main(["classify", recording, "--timeline", "--json", "--top-k", "2"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = {"file", "start", "end", "top", "sure", "known", "known_score"}
    assert [set(one) for one in found] == [names] * 6
    assert all(one["known"] is True and 0.5 < one["known_score"] <= 1 for one in found)
    assert [one["top"][0]["label"] for one in found] == list(LABELS)
    assert all(one["sure"] and len(one["top"]) == 2 and one["file"] == recording for one in found)
    assert all(one["start"] < one["end"] for one in found)


def test_text_has_one_line_an_utterance_and_a_summary(
    capsys: pytest.CaptureFixture[str], recording: str
) -> None:
    assert main(["classify", recording, "--timeline"]) == 0
    name, *lines = capsys.readouterr().out.splitlines()
    assert name == recording
    assert all(LINE.match(line) for line in lines[:6])
    assert lines[0].endswith("Check my balance")
    assert lines[6] == "  Summary of 300.0 s:"
    seconds = [float(line.split()[0]) for line in lines[7:]]
    assert lines[-1].endswith(" s  No speech") and sum(seconds) == pytest.approx(300, abs=0.5)


def test_a_file_that_cannot_be_read_is_reported_and_the_next_one_is_read(
    capsys: pytest.CaptureFixture[str], recording: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_text("Dear bank")
    assert main(["classify", str(tmp_path / "bad.wav"), recording, "--timeline", "--json"]) == 2
    refused, *found = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(refused) == {"file", "error"} and len(found) == 6

"""The benchmark of results: what is kept is not trained again, and gets no time."""

import sys
from pathlib import Path

import pytest

from intent.runs.store import list_runs
from tests.benchmarks import results
from tests.tiny import tiny_whisper, tone_folder


def test_a_kept_run_is_not_trained_again_and_its_row_has_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tones, base, kept = (
        tone_folder(tmp_path / "tones"),
        tiny_whisper(tmp_path / "b"),
        tmp_path / "k",
    )
    asked = ["--data", str(tones), "--base", str(base), "--recipe", "instant"]
    asked += ["--seeds", "3", "--set", "window_seconds=1"]
    rows = []
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["results", *asked, "--keep", str(kept)])
        results.main()
        rows.append(capsys.readouterr().out.strip().splitlines()[-1])
    assert len(list_runs(kept / "runs")) == 1
    assert rows[0] == rows[1] and "| not measured here |" in rows[0]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--only-times", "--keep", "somewhere"], "--only-times begins with an empty cache"),
        (["--write", "--set", "copies=0"], "--write keeps rows of presets as they are"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    arguments: list[str],
    found: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["results", *arguments])
    with pytest.raises(SystemExit):
        results.main()
    assert found in capsys.readouterr().err

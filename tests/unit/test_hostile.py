"""A small, seeded part of python -m tests.hostile; the whole of it takes some minutes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intent.errors import AudioError
from tests.hostile import harness
from tests.hostile.__main__ import faults_of
from tests.hostile.case import Case
from tests.hostile.recordings import mutated
from tests.memory import CLEAR
from tests.repository import ROOT


@pytest.mark.skipif(not CLEAR.exists(), reason="memory is measured on Linux alone")
def test_hostile_input_ends_hangs_and_fills_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", "--quick", "--no-clock"],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2_000:]


def refuse_in_a_sentence(_: Path) -> None:
    raise AudioError("It is no sound.")


def refuse_in_lines(_: Path) -> None:
    raise AudioError("It is\nno sound.")


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (lambda _: None, "read"),
        (refuse_in_a_sentence, "refused"),
        (refuse_in_lines, "other"),
        (lambda _: 1 / 0, "other"),
        (lambda _: sys.exit(), "other"),
        (lambda _: os._exit(3), "crash"),
        (lambda _: os.kill(os.getpid(), signal.SIGKILL), "crash"),
    ],
)
def test_the_outcome_of_a_case_is_reported(act, outcome, tmp_path):
    (result,) = harness.try_cases("recordings", [Case("a case", act)], tmp_path / "case")
    assert (result.group, result.name, result.outcome) == ("recordings", "a case", outcome)
    assert bool(faults_of([result])) == (outcome in ("crash", "other"))


def test_a_case_that_hangs_is_killed_and_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "HANG_SECONDS", 5)
    waits = Case("a wait", lambda _: signal.pause())
    after = Case("another", lambda _: None)
    results = harness.try_cases("recordings", [after, waits, after], tmp_path / "case")
    assert [result.outcome for result in results] == ["read", "hang", "read"]


@pytest.mark.skipif(not CLEAR.exists(), reason="memory is measured on Linux alone")
def test_the_memory_of_a_case_is_over_what_it_began_with(tmp_path):
    cases = [Case("80 MB", lambda _: b"x" * 80_000_000)]
    (result,) = harness.try_cases("recordings", cases, tmp_path / "case")
    assert result.megabytes == pytest.approx(76, abs=8)


def test_a_seed_gives_the_same_mutations():
    assert mutated("pcm16.flac", 3, 7) == mutated("pcm16.flac", 3, 7) != mutated("pcm16.flac", 3, 8)

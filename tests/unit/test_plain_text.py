"""Any text can be printed, in what the terminal can show."""

import os
import subprocess
import sys

import pytest

from tests.repository import ROOT

TEXT = "█… “it’s” Zoë Øre 中 ×2"
SAY = (
    "import sys; from intent.plain_text import configure_output; configure_output()\n"
    f"print({TEXT!a}); print(sys.argv[1]); print({'…'!a}, file=sys.stderr)"
)
ASCII = [
    {"LANG": "C"},
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX"},
    {"PYTHONIOENCODING": "ascii"},
    {"LANG": "C", "PYTHONUTF8": "0"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]
UTF_8 = [{"LC_ALL": "C.UTF-8"}, {"LANG": "C", "PYTHONUTF8": "1"}, {}]


def said(settings: dict[str, str], argument: str | bytes) -> tuple[bytes, bytes]:
    deciding = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8")
    kept = {name: value for name, value in os.environ.items() if name not in deciding}
    process = subprocess.run(
        [sys.executable, "-c", SAY, argument],
        env={**kept, **settings, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    return process.stdout, process.stderr


@pytest.mark.parametrize("settings", ASCII)
def test_terminal_of_ascii_gets_readable_ascii(settings: dict[str, str]) -> None:
    out, err = said(settings, "Zoë.wav")
    assert out.decode("ascii").splitlines() == [
        '#... "it\'s" Zoe Ore \\u4e2d x2',
        "Zoe.wav",
    ]
    assert err == b"...\n"


@pytest.mark.parametrize("settings", UTF_8)
def test_terminal_of_utf_8_gets_the_text_as_it_is(settings: dict[str, str]) -> None:
    out, err = said(settings, "Zoë.wav")
    assert out.decode() == f"{TEXT}\nZoë.wav\n"
    assert err.decode() == "…\n"


def test_name_of_a_file_that_is_no_text_is_printed_with_its_bytes() -> None:
    assert said({"LC_ALL": "C.UTF-8"}, b"caf\xe9.wav")[0].splitlines()[1] == rb"caf\xe9.wav"

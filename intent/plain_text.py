"""Print text to a terminal that cannot display all of it, readably and without errors."""

import codecs
import os
import sys
import unicodedata

HANDLER = "intent-readable"  # the name of the error handler among Python's codecs
PLAIN_LOCALES = ("C", "POSIX")
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # set by Python itself if LANG is C
IN_ASCII = {
    "█": "#",
    "…": "...",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "·": ".",
    "×": "x",
    "±": "+/-",
    "→": "->",
    "√": "sqrt ",
    "≥": ">=",
    "≤": "<=",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "œ": "oe",
    "ł": "l",
}


def configure_output() -> None:
    """Let this process print any text, using only characters that the terminal can display.

    In the locale C or POSIX that is ASCII, where Python itself would assume UTF-8.
    """
    codecs.register_error(HANDLER, _replace_unencodable)
    encoding = "ascii" if _is_ascii_terminal() else None
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # missing without a terminal, or in a notebook
            stream.reconfigure(encoding=encoding, errors=HANDLER)


def _is_ascii_terminal() -> bool:
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return False  # the user has chosen an encoding
    if everywhere := os.environ.get("LC_ALL"):
        return everywhere in PLAIN_LOCALES
    letters = os.environ.get("LC_CTYPE")
    if letters and letters not in COERCED:
        return letters in PLAIN_LOCALES
    return os.environ.get("LANG") in PLAIN_LOCALES


def _ascii_for(character: str) -> str:
    if character.isascii():
        return character
    if character.lower() in IN_ASCII:
        plain = IN_ASCII[character.lower()]
        return plain.capitalize() if character != character.lower() else plain
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or character.encode("ascii", "backslashreplace").decode()


def _replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Handle an encoding error by similar characters that the encoding has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    # Under an ASCII locale, a file name that Python could not decode may be UTF-8.
    handler = "surrogateescape" if _is_escaped(text) else "backslashreplace"
    decoded = text.encode("utf-8", handler).decode("utf-8", "backslashreplace")
    return "".join(_encodable(character, error.encoding) for character in decoded), error.end


def _is_escaped(text: str) -> bool:
    return not any(
        "\ud800" <= letter < "\udc80" or "\udcff" < letter <= "\udfff" for letter in text
    )


def _encodable(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _ascii_for(character)
    return character

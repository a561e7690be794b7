"""Text for a terminal that cannot show all of it: never an error, readable all the same."""

import codecs
import os
import sys
import unicodedata

HANDLER = "intent-readable"  # the name of the error handler among Python's codecs
PLAIN_LOCALES = ("C", "POSIX")
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # what Python itself puts into LC_CTYPE where LANG is C
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


def settle_output() -> None:
    """Let this process print any text to its terminal, in what the terminal can show.

    Where the user's locale is C or POSIX, that is ASCII: Python itself would take it for UTF-8.
    """
    codecs.register_error(HANDLER, _readable)
    encoding = "ascii" if _asks_for_ascii() else None
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # there is none without a terminal, or in a notebook
            stream.reconfigure(encoding=encoding, errors=HANDLER)


def in_ascii(text: str) -> str:
    """Return a text in ASCII: its accents dropped, what has no likeness as its number."""
    return "".join(_likeness(character) for character in text)


def _asks_for_ascii() -> bool:
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return False  # whoever sets these says what is to be printed
    if everywhere := os.environ.get("LC_ALL"):
        return everywhere in PLAIN_LOCALES
    letters = os.environ.get("LC_CTYPE")
    if letters and letters not in COERCED:
        return letters in PLAIN_LOCALES
    return os.environ.get("LANG") in PLAIN_LOCALES


def _likeness(character: str) -> str:
    if character.isascii():
        return character
    if character.lower() in IN_ASCII:
        plain = IN_ASCII[character.lower()]
        return plain.capitalize() if character != character.lower() else plain
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or character.encode("ascii", "backslashreplace").decode()


def _readable(error: UnicodeError) -> tuple[str, int]:
    """An error handler for encoding: the nearest that the encoding has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    # A file's name that Python could not decode may be UTF-8 under an ASCII locale.
    text = text.encode("utf-8", "surrogateescape" if _escaped(text) else "backslashreplace")
    shown = text.decode("utf-8", "backslashreplace")
    return "".join(_in(error.encoding, character) for character in shown), error.end


def _escaped(text: str) -> bool:
    return not any(
        "\ud800" <= letter < "\udc80" or "\udcff" < letter <= "\udfff" for letter in text
    )


def _in(encoding: str, character: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _likeness(character)
    return character

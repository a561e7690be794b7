"""A sample of the hostile data folders: each is read or refused in a sentence."""

import random
from pathlib import Path

import pytest

from intent.errors import IntentError
from tests.hostile.case import Case
from tests.hostile.folders import cases

SLOW = ("150 MB", "row groups", "a hundred thousand times")  # tested in test_parquet.py as well
CASES = [case for case in cases(seed=1) if not any(words in case.name for words in SLOW)]
MADE = [case for case in CASES if "mutation" not in case.name]
MUTATED = random.Random(1).sample([case for case in CASES if "mutation" in case.name], 40)


@pytest.mark.parametrize("case", [*MADE, *MUTATED], ids=lambda case: case.name)
def test_a_hostile_data_folder_is_read_or_refused_in_a_sentence(case: Case, tmp_path: Path) -> None:
    case.make(tmp_path)
    try:
        case.act(tmp_path)
    except IntentError as error:
        message = str(error)
        assert message.encode() and len(message) < 1500 and message.rstrip().endswith(".")


def test_the_same_seed_gives_the_same_cases() -> None:
    assert [case.name for case in cases(7)] == [case.name for case in cases(7)]

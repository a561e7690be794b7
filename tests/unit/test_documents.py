"""What the documents say can be followed: their links lead somewhere, their commands are commands."""

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from intent.cli.parser import build_parser
from tests.repository import ROOT

PLACES = ("*.md", "intent/**/*.md", "tests/**/*.md", "assets/**/*.md")
DOCUMENTS = sorted(path for place in PLACES for path in ROOT.glob(place))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_in_documents_point_to_existing_files_and_headings(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, heading = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles]


def commands() -> Iterator[tuple[str, str]]:
    """Yield each line of a fence of shell commands, with its document."""
    for document in DOCUMENTS:
        for fence in FENCE.findall(document.read_text(encoding="utf-8")):
            for line in fence.replace("\\\n", " ").splitlines():
                if line.strip():
                    yield named(document), line.split(" # ")[0].strip()


@pytest.mark.parametrize(("document", "line"), commands())
def test_a_command_lists_the_available_choices(document: str, line: str) -> None:
    for module in re.findall(r"-m (tests[.\w]*)", line):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"bash (tests/\S+)|python (app\.py)", line):
        assert all((ROOT / name).is_file() for name in script if name)
    found = re.search(r"-m intent ([^\"&]*)", line)
    if found and "|" not in found[1] and "[" not in found[1]:
        build_parser().parse_args(shlex.split(found[1]))


def test_the_readme_says_what_was_measured() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = json.loads((ROOT / "assets" / "results.json").read_text(encoding="utf-8"))
    told = re.findall(
        r"^\| en-US(,| and en-GB).* \| (\S+) \| (0\S+) ± \S+ \| (0\S+) ± ", text, re.M
    )
    assert len(told) == 4
    for which, base, *means in told:
        locales = ["en-US"] if which == "," else ["en-US", "en-GB"]
        for recipe, mean in zip(("instant", "recommended"), means, strict=True):
            [row] = [
                one
                for one in rows
                if (one["recipe"], one["base"]) == (recipe, base)
                and sorted(one["locales"]) == sorted(locales)
            ]
            accuracies = row["accuracies"]
            assert f"{sum(accuracies) / len(accuracies):.3f}" == mean

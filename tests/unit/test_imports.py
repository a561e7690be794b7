"""The package's structure: imports point one way, and only the page imports Gradio."""

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository import ROOT

PACKAGE = ROOT / "intent"

# From the bottom up. A module imports from its own package and from lower layers; packages of one
# layer do not import each other.
LAYERS = (
    ("root",),
    ("audio",),
    ("data", "checkpoints"),
    ("models",),
    ("evaluation",),
    ("runs",),
    ("training",),
    ("estimate", "jobs", "sharing"),
    ("cli", "ui"),
)
LAYER_OF = {package: layer for layer, packages in enumerate(LAYERS) for package in packages}
MODULES = sorted(PACKAGE.rglob("*.py"))
ENTRY_POINTS = (PACKAGE / "__main__.py",)  # starts the command line


def package_of(parts: tuple[str, ...]) -> str:
    """Return the package of a module, by its path in the package."""
    return parts[0] if len(parts) > 1 or parts[0] in LAYER_OF else "root"


def imports(file: Path) -> Iterator[tuple[str, ...]]:
    """Yield the modules of the package that a file imports, wherever it does, by their paths."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "intent":
            above = tuple(node.module.split(".")[1:])
            for name in node.names:
                path = PACKAGE.joinpath(*above, name.name)
                is_module = path.is_dir() or path.with_suffix(".py").is_file()
                yield (*above, name.name) if is_module else above
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("intent."):
                    yield tuple(name.name.split(".")[1:])


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_modules_import_only_from_lower_layers(file: Path) -> None:
    if file in ENTRY_POINTS:
        return
    package = package_of(file.relative_to(PACKAGE).with_suffix("").parts)
    wrong = [
        ".".join(other)
        for other in imports(file)
        if package_of(other) != package and LAYER_OF[package_of(other)] >= LAYER_OF[package]
    ]
    assert wrong == []


def test_each_package_is_in_a_layer() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(LAYER_OF) - {"root"}


def test_there_are_no_import_cycles() -> None:
    below = {
        file.relative_to(PACKAGE).with_suffix("").parts: set(_at_import(file)) for file in MODULES
    }
    while free := [module for module, needs in below.items() if not needs & below.keys()]:
        for module in free:
            del below[module]
    assert below == {}


def _at_import(file: Path) -> Iterator[tuple[str, ...]]:
    """Yield the modules that a file imports at its top level."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    outer = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    top = ast.unparse(ast.Module(body=outer, type_ignores=[]))
    for node in ast.parse(top).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("intent"):
            above = tuple(node.module.split(".")[1:])
            for name in node.names:
                is_module = PACKAGE.joinpath(*above, f"{name.name}.py").is_file()
                yield (*above, name.name) if is_module else above


def test_only_the_page_imports_gradio() -> None:
    others = [file for file in MODULES if "ui" not in file.relative_to(PACKAGE).parts]
    known = [
        str(file.relative_to(PACKAGE))
        for file in others
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(name.split(".")[0] == "gradio" for name in _names(node))
    ]
    assert known == []


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names]


def test_importing_what_the_command_line_needs_loads_neither_gradio_nor_a_model() -> None:
    modules = itertools.filterfalse(
        lambda file: file.name.startswith("__") or "ui" in file.relative_to(PACKAGE).parts, MODULES
    )
    light = [
        ".".join(("intent", *file.relative_to(PACKAGE).with_suffix("").parts))
        for file in modules
        if file.relative_to(PACKAGE).parts[0] in ("audio", "data", "checkpoints", "runs", "jobs")
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {light}: importlib.import_module(name)\n"
        "print({'gradio', 'torch', 'transformers', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"

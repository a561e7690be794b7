"""Permissions on runs, and what visitors may name and see."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from intent import hub_http
from intent.checkpoints.resolve import locate
from intent.errors import AccessError, CheckpointError, DataError, RecipeError, RunError
from intent.jobs.request import OPTIONS, TrainingRequest, recipe_of, start
from intent.jobs.worker import work
from intent.recipes import Recipe
from intent.runs.access import (
    OWNER,
    Visitor,
    check,
    check_checkpoint,
    check_may_start,
    check_owner,
    check_recipe,
    is_public,
    may,
    owner_of,
    shown_recipe,
    visitor_with,
    without_paths,
)
from intent.runs.events import Failed
from intent.runs.store import create_run

ANN, BOB, NOBODY = visitor_with("a" * 32), visitor_with("b" * 32), Visitor()
ACTIONS = ("read", "stop", "resume", "rename", "remove", "restore")
FOLDER_REFUSED = "Folders of the server cannot be used here: choose "


@pytest.fixture(autouse=True)
def own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test makes this process forget is there again behind it."""
    monkeypatch.setattr(hub_http, "is_anonymous", False)
    for name in (*hub_http.TOKENS, "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTENT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("environment", "public"),
    [
        ({}, False),
        ({"SPACE_ID": "owner/space", "SYSTEM": "spaces"}, True),
        ({"INTENT_PUBLIC": "1"}, True),
        ({"INTENT_PUBLIC": "On"}, True),
        ({"INTENT_PUBLIC": "0"}, False),
        ({"INTENT_PUBLIC": ""}, False),
        ({"GRADIO_SHARE": "True"}, True),
        ({"GRADIO_SHARE": "False"}, False),
        ({"GRADIO_SERVER_NAME": "127.0.0.1"}, False),
        ({"GRADIO_SERVER_NAME": "localhost"}, False),
        ({"GRADIO_SERVER_NAME": "127.1.2.3"}, False),
        ({"GRADIO_SERVER_NAME": "::1"}, False),
        ({"GRADIO_SERVER_NAME": "[::1]"}, False),
        ({"GRADIO_SERVER_NAME": ""}, False),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, True),
        ({"GRADIO_SERVER_NAME": "::"}, True),
        ({"GRADIO_SERVER_NAME": "192.168.1.7"}, True),
        ({"GRADIO_SERVER_NAME": "studio.example.org"}, True),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "INTENT_PUBLIC": "0"}, True),
    ],
)
def test_public_mode_is_on_if_others_can_reach_the_page(
    environment: dict[str, str], public: bool
) -> None:
    assert is_public(environment) is public


def test_a_visitor_is_the_hash_of_a_secret_that_cannot_be_guessed() -> None:
    secret = "s3cret-of-somebody!"
    assert visitor_with(secret) == visitor_with(secret) != visitor_with(secret + "!")
    assert re.fullmatch("[0-9a-f]{64}", visitor_with(secret).key) and not ANN.is_owner
    for weak in (None, "", "short", "x" * 15, "x" * 201, "with a blank in it", "ümlaut" * 5):
        assert visitor_with(weak) == NOBODY


@pytest.mark.parametrize(
    ("visitor", "of", "data", "allowed"),
    [
        (OWNER, OWNER, "/private", ACTIONS),
        (OWNER, ANN, "sample", ACTIONS),
        (ANN, ANN, "sample", ACTIONS),
        (ANN, ANN, "minds14", ACTIONS),
        (BOB, ANN, "sample", ("read",)),
        (BOB, OWNER, "minds14", ("read",)),
        (BOB, OWNER, "/private", ()),
        (NOBODY, OWNER, "/private", ()),
        (NOBODY, OWNER, "sample", ("read",)),
        (NOBODY, ANN, "sample", ("read",)),
    ],
)
def test_others_may_read_a_visitors_run_unless_it_was_trained_on_a_folder(
    runs: Path, visitor: Visitor, of: Visitor, data: str, allowed: tuple[str, ...]
) -> None:
    run = create_run(runs, Recipe(data=data), of)
    assert owner_of(run) == of
    assert tuple(action for action in ACTIONS if may(visitor, action, run)) == allowed


def test_two_visitors_without_a_secret_are_not_the_same_one(runs: Path) -> None:
    run = create_run(runs, Recipe(data="sample"))
    run.owner_file.write_text("")
    assert not may(NOBODY, "stop", run) and owner_of(run) != OWNER
    run.owner_file.write_bytes(b"\xff\xfe")
    assert not may(NOBODY, "stop", run) and owner_of(run) != OWNER


def test_a_run_of_an_earlier_version_belongs_to_the_owner(runs: Path) -> None:
    run = create_run(runs, Recipe(data="sample"))
    assert not run.owner_file.exists() and owner_of(run) == OWNER
    assert not may(ANN, "remove", run)


def test_forbidden_actions_are_reported_and_hidden_runs_do_not_exist(runs: Path) -> None:
    others, hidden = (
        create_run(runs, Recipe(data="sample"), ANN),
        create_run(runs, Recipe(data="/x")),
    )
    with pytest.raises(AccessError) as caught:
        check(BOB, "stop", others)
    assert str(caught.value) == (
        f"You can stop only your own runs, and run {others.id} was started by somebody else."
    )
    with pytest.raises(RunError) as caught:
        check(BOB, "stop", hidden)
    assert str(caught.value) == (
        f"There is no run {hidden.id!r} in {runs}: choose one of that folder's runs."
    )
    with pytest.raises(AccessError, match="Only the owner of this app may empty the trash"):
        check_owner(ANN, "empty the trash")
    assert check(ANN, "stop", others) == others and check(OWNER, "stop", hidden) == hidden


def test_the_file_of_a_visitors_run_holds_no_secret(runs: Path) -> None:
    secret = "to-be-kept-by-the-browser"
    run = create_run(runs, Recipe(data="sample"), visitor_with(secret))
    kept = b"".join(path.read_bytes() for path in run.path.iterdir())
    assert secret.encode() not in kept and visitor_with(secret).key.encode() in kept


@pytest.mark.parametrize("data", ["/etc", "~", "folder", "../x", "", "sample/", "Sample"])
def test_a_visitor_names_no_folder_as_data(data: str) -> None:
    assert check_recipe(OWNER, Recipe(data=data)).data == data
    with pytest.raises(DataError, match=FOLDER_REFUSED):
        check_recipe(ANN, Recipe(data=data))


@pytest.mark.parametrize(
    "base", ["/etc", "~/x", "./x", "a/b/c", "../x", "a/../b", "file:///x", "a\0b"]
)
def test_a_visitor_names_no_folder_as_a_checkpoint(base: str) -> None:
    with pytest.raises(CheckpointError, match=FOLDER_REFUSED):
        check_checkpoint(ANN, base)


def test_what_looks_like_a_hub_id_is_never_a_folder_to_a_visitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert check_checkpoint(ANN, "owner/name") == "owner/name"
    with pytest.raises(CheckpointError, match="could not be downloaded from the Hugging Face Hub"):
        locate("owner/name")
    assert check_checkpoint(OWNER, "owner/name") == str(tmp_path / "owner" / "name")


@pytest.mark.parametrize("value", [5, None, [5], {"path": "x"}])
def test_what_is_no_name_is_refused_in_a_sentence(value: object) -> None:
    with pytest.raises(CheckpointError, match="The name of a checkpoint must be a string"):
        check_checkpoint(ANN, value)
    for request in (
        TrainingRequest(value),
        TrainingRequest("sample", base=value),
        TrainingRequest("sample", locales=value),
    ):
        with pytest.raises((RecipeError, DataError, CheckpointError)):
            recipe_of(request, ANN)


@pytest.mark.parametrize("locales", [["<img src=x>"], ["en-US"] * 101, ["x" * 21], [""], ["a b"]])
def test_locales_are_checked_whatever_the_data(locales: list[str]) -> None:
    with pytest.raises(RecipeError, match="locales must be"):
        Recipe(data="sample", locales=tuple(locales))


def test_a_run_is_named_by_its_id_and_by_the_folder_of_its_model(runs: Path) -> None:
    run, hidden = create_run(runs, Recipe(data="sample")), create_run(runs, Recipe(data="/x"))
    for visitor in (OWNER, ANN, NOBODY):
        assert check_checkpoint(visitor, run.id) == run.id
    assert check_checkpoint(OWNER, str(run.model)) == run.id
    for path in (run.model, hidden.model, runs / "20200101-000000-guide-0000" / "model"):
        with pytest.raises(CheckpointError, match=FOLDER_REFUSED):  # whether it is there or not
            check_checkpoint(ANN, str(path))
    for name in (hidden.id, "20200101-000000-guide-0000"):
        with pytest.raises(RunError, match="There is no run"):
            check_checkpoint(ANN, name)
    assert check_checkpoint(OWNER, hidden.id) == hidden.id
    run.model.mkdir()
    assert locate(run.id) == run.model


@pytest.mark.parametrize("name", ["data", "base", "locales", "preset"])
def test_changes_name_hyperparameters_only(name: str) -> None:
    for visitor in (OWNER, ANN):
        with pytest.raises(RecipeError) as caught:
            recipe_of(
                TrainingRequest("sample", changes={"epochs": 3, name: "/any/folder"}), visitor
            )
        assert str(caught.value) == (
            f"{name} is not a hyperparameter: set it with its own option --{OPTIONS[name]}, or in the "
            f"API with the parameter {name}."
        )


def test_nothing_is_created_for_a_request_that_may_not_be_met(runs: Path, tmp_path: Path) -> None:
    refused = [
        (NOBODY, TrainingRequest("sample")),
        (ANN, TrainingRequest(str(tmp_path))),
        (ANN, TrainingRequest("sample", base=str(tmp_path))),
        (ANN, TrainingRequest("sample", changes={"data": "/any"})),
        (OWNER, TrainingRequest(str(tmp_path / "nowhere"))),
        (OWNER, TrainingRequest("sample", base="owner/name-of-nothing")),
        (OWNER, TrainingRequest("minds14", locales=["en-US"])),  # offline, and nothing is cached
    ]
    for visitor, request in refused:
        with pytest.raises((AccessError, DataError, CheckpointError, RecipeError)):
            start(runs, request, visitor)
    assert not runs.exists() or not list(runs.iterdir())


def test_a_visitor_without_a_secret_cannot_start_a_run() -> None:
    check_may_start(ANN)
    check_may_start(OWNER)
    with pytest.raises(
        AccessError, match="requires the header x-intent-visitor, .* with 16 to 200 random"
    ):
        check_may_start(NOBODY)


@pytest.mark.parametrize("changed", [{"data": "FOLDER"}, {"base": "FOLDER"}])
def test_the_worker_checks_a_visitors_recipe_again_before_it_opens_anything(
    runs: Path, tmp_path: Path, changed: dict[str, str]
) -> None:
    run = create_run(runs, Recipe(data="sample"), ANN)
    values = json.loads(run.recipe_file.read_text()) | dict.fromkeys(changed, str(tmp_path / "x"))
    run.recipe_file.write_text(json.dumps(values))  # as no request could have made it
    with pytest.raises((DataError, CheckpointError), match=FOLDER_REFUSED):
        work(run)
    end = run.history().end
    assert isinstance(end, Failed) and FOLDER_REFUSED in end.message
    assert hub_http.token() is False


def test_a_run_of_the_owner_keeps_the_token_of_this_machine(runs: Path, tmp_path: Path) -> None:
    run = create_run(runs, Recipe(data=str(tmp_path / "nowhere")))
    with pytest.raises(DataError, match="A folder was expected"):
        work(run)
    assert hub_http.token() is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The disk that holds /data/runs/x is full.", "The disk that holds x is full."),
        ('A folder was expected at "/srv/my data/a"', 'A folder was expected at "my data/a"'),
        ("look at ~/.cache/hub: it is", "look at hub: it is"),
        (
            "make one at https://hf.co/settings/tokens.",
            "make one at https://hf.co/settings/tokens.",
        ),
        ("a name such as owner/name or 3/4, en-US", "a name such as owner/name or 3/4, en-US"),
        ("and/or (/etc/passwd)", "and/or (passwd)"),
        ("/", "/"),
        ("", ""),
        ("x:/srv/a/b -/srv/c file:///srv/d file:/srv/e", "x:b -c d e"),
    ],
)
def test_a_visitor_sees_no_absolute_path(text: str, shown: str) -> None:
    assert without_paths(text) == shown


NAMES = some.text("abcdefgh.-_0123 ", min_size=1, max_size=8).filter(lambda name: name.strip(" ."))


@given(some.lists(NAMES, min_size=1, max_size=4))
def test_visitors_never_see_the_path_of_the_runs_folder(names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        folder = Path("/top level/of runs", *names)
        patch.setenv("INTENT_RUNS", str(folder))
        said = without_paths(f'Run x in "{folder.resolve()}" and {folder.resolve()}/x/log.txt.')
    assert "top level" not in said and "of runs" not in said


def test_a_visitor_sees_only_the_last_part_of_paths_in_a_recipe(runs: Path) -> None:
    run = create_run(runs, Recipe(data="sample"))
    recipe = Recipe(data="sample", base="/srv/models/whisper")
    assert shown_recipe(ANN, recipe).base == "whisper"
    assert shown_recipe(ANN, Recipe(base=str(run.model))).base == run.id
    assert shown_recipe(ANN, Recipe(base="openai/whisper-base")).base == "openai/whisper-base"
    assert shown_recipe(OWNER, recipe) == recipe

"""/list_runs, /report, /compare, /rename, /remove and /restore as another program calls them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from intent.jobs.worker import training_lock
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.runs.store import create_run, list_runs
from intent.runs.trash import empty_trash, trash_run
from tests.made_runs import make_run, sample_clips

ENDPOINTS = {
    "/list_runs": [],
    "/report": ["run_id"],
    "/compare": ["run_ids"],
    "/rename": ["run_id", "name"],
    "/remove": ["run_id"],
    "/restore": ["run_id"],
}


@pytest.fixture
def runs(runs_folder: Path) -> Iterator[Path]:
    """The page's folder of runs, with no run in it before and after."""
    clear(runs_folder)
    yield runs_folder
    clear(runs_folder)


def clear(runs: Path) -> None:
    for run in list_runs(runs):
        trash_run(run)
    empty_trash(runs)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(AppError) as caught:
        call()
    return str(caught.value)


def ids(client: Client) -> list[str]:
    return [row["run"] for row in client.predict(api_name="/list_runs")]


def test_runs_are_listed_with_their_figures_the_newest_first(client: Client, runs: Path) -> None:
    assert client.predict(api_name="/list_runs") == []
    done, waiting = make_run(runs, wrong=(0,)), create_run(runs, Recipe())
    rows = {row["run"]: row for row in client.predict(api_name="/list_runs")}
    assert set(rows) == {done.id, waiting.id}
    report = read_report(done)
    assert rows[done.id]["accuracy"] == report.accuracy
    assert rows[done.id]["interval"] == list(report.interval)
    assert (rows[done.id]["state"], rows[waiting.id]["state"]) == ("done", "prepared")
    assert rows[waiting.id]["accuracy"] is None
    assert set(rows[done.id]) == {
        "run",
        "name",
        "data",
        "base",
        "recipe",
        "state",
        "accuracy",
        "interval",
        "seconds",
        "bytes",
        "has_model",
        "is_own",
    }


def test_a_report_has_its_figures_and_every_mistake(client: Client, runs: Path) -> None:
    run = make_run(runs, wrong=(0, 7))
    labels, clips = sample_clips()
    told = client.predict(run.id, api_name="/report")
    assert (told["run"], told["clips"], told["labels"]) == (run.id, len(clips), list(labels))
    assert [one["clip"] for one in told["mistakes"]] == [clips[0].name, clips[7].name]
    mistake = told["mistakes"][0]
    assert mistake["transcription"] == clips[0].transcription
    assert mistake["true"] != mistake["top"][0]["label"]
    assert sum(map(sum, told["confusion"])) == len(clips)
    assert set(told["per_intent"]) == set(labels)
    json.dumps(told)


def test_runs_are_compared_by_significance_and_recipe(client: Client, runs: Path) -> None:
    good, bad = make_run(runs, wrong=(1,)), make_run(runs, wrong=range(20), epochs=9)
    client.predict(good.id, "Good", api_name="/rename")
    client.predict(bad.id, "Bad", api_name="/rename")
    told = client.predict([good.id, bad.id], api_name="/compare")
    assert [row["run"] for row in told["runs"]] == [good.id, bad.id]
    assert "Good is significantly better (p < 0.001)" in told["verdicts"][0]
    assert told["differences"] == {"epochs": [4, 9]}


def test_one_run_twice_is_not_two_runs(client: Client, runs: Path) -> None:
    run = make_run(runs)
    assert refusal(lambda: client.predict([run.id, run.id], api_name="/compare")) == (
        "run_ids must name two or more different runs, but names 1: call /list_runs for the ids."
    )


def test_a_run_is_renamed_removed_and_restored(client: Client, runs: Path) -> None:
    run = make_run(runs)
    assert client.predict(run.id, " Mine ", api_name="/rename") == "Mine"
    assert client.predict(run.id, api_name="/remove") == run.id
    assert ids(client) == []
    assert client.predict(run.id, api_name="/restore") == "done"
    [row] = client.predict(api_name="/list_runs")
    assert (row["run"], row["name"]) == (run.id, "Mine")
    assert "60 printable characters" in refusal(
        lambda: client.predict(run.id, "", api_name="/rename")
    )


def test_a_run_that_trains_is_not_removed(client: Client, runs: Path) -> None:
    run = create_run(runs, Recipe())
    with training_lock(run):
        assert run.id in refusal(lambda: client.predict(run.id, api_name="/remove"))
    assert ids(client) == [run.id]


def test_a_run_without_a_report_is_refused(client: Client, runs: Path) -> None:
    run = create_run(runs, Recipe())
    assert refusal(lambda: client.predict(run.id, api_name="/report")) == (
        f"Run {run.id} has no report yet: one is written when it ends or is stopped."
    )


@pytest.mark.parametrize("wrong", ["../etc", "", "20261125-000000-guide-0000", "/"])
def test_an_id_of_no_run_is_refused_and_nothing_changes(
    client: Client, runs: Path, wrong: str
) -> None:
    run = make_run(runs)
    calls = {
        "/report": (wrong,),
        "/compare": ([run.id, wrong],),
        "/rename": (wrong, "x"),
        "/remove": (wrong,),
        "/restore": (wrong,),
    }
    for endpoint, values in calls.items():
        said = refusal(lambda e=endpoint, v=values: client.predict(*v, api_name=e))
        assert said.startswith(f"There is no run {wrong!r}")
    assert [RunDir(runs / one).id for one in ids(client)] == [run.id]


def test_each_endpoint_is_described_and_nothing_else_of_the_tab_is_offered(
    client: Client,
) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    others = {"/classify", "/timeline", "/start", "/status", "/stop", "/resume"}
    assert set(named) == {*ENDPOINTS, *others}
    for endpoint, parameters in ENDPOINTS.items():
        told = named[endpoint]
        assert [one["parameter_name"] for one in told["parameters"]] == parameters
        assert len(told["description"]) > 40

"""In public mode a visitor does what is theirs to do, whichever way they call the page."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from intent import hub_http
from intent.runs.access import HEADER, visitor_with
from intent.runs.directory import RunDir
from intent.runs.store import list_runs
from tests.app.strangers import ANN, BOB, Runs, Stranger, key_of, runs_of_ann, snapshot, values_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public") / "runs"


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[gr.Blocks, str]]:
    """The page in public mode and its address; nothing starts what is queued."""
    from intent.ui.app import build_app, launch_options

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTENT_PUBLIC", "1")
        patch.setenv("INTENT_RUNS", str(folder))
        for name in (*hub_http.TOKENS, "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
            patch.setenv(name, "")
        patch.setattr(hub_http, "is_anonymous", False)
        page = build_app(folder)
        _, address, _ = page.launch(
            **launch_options(), server_name="127.0.0.1", prevent_thread_lock=True, quiet=True
        )
        yield page, address
        page.close()


@pytest.fixture
def runs(folder: Path, served: tuple[gr.Blocks, str]) -> Iterator[Runs]:
    """Ann's runs in every state."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    with runs_of_ann(folder) as found:
        yield found
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Deed:
    """What a function does to a run when its visitor calls it, and how it is called."""

    run: str  # which of `Runs`
    is_done: Callable[[RunDir], bool]
    data: Callable[[RunDir], list[object]] | None = None  # None: what the page would send
    event: Callable[[RunDir], object] = lambda run: None
    picked: bool = True  # in the list of the Runs tab before


def stopped(run: RunDir) -> bool:
    return run.stop_file.exists()


def queued(run: RunDir) -> bool:
    return run.queued_file.exists()


def named(run: RunDir) -> bool:
    return run.name == "Mine"


def gone(run: RunDir) -> bool:
    return not run.path.exists()


def there(run: RunDir) -> bool:
    return run.path.exists()


def its_id(run: RunDir) -> list[object]:
    return [run.id]


def a_name(run: RunDir) -> list[object]:
    return [None, "Mine"]


def its_ids(run: RunDir) -> dict[str, object]:
    return {"ids": [run.id]}


DEEDS = {
    "/stop": Deed("live", stopped, its_id),
    "/resume": Deed("stopped", queued, its_id),
    "/rename": Deed("done", named, lambda run: [run.id, "Mine"]),
    "/remove": Deed("done", gone, its_id),
    "/restore": Deed("trashed", there, its_id),
    "stop.click stop_run": Deed("live", stopped),
    "Stop.click act": Deed("live", stopped),
    "Resume.click act": Deed("stopped", queued),
    "Remove.click act": Deed("done", gone),
    "Save name.click rename": Deed("done", named, a_name),
    "run-name.submit rename": Deed("done", named, a_name),
    "trash-list.restore restore": Deed("trashed", there, event=its_ids, picked=False),
    "runs-note.restore restore": Deed("trashed", there, event=its_ids, picked=False),
}

# These do nothing to a run, or only to one that they make: each function of the page is in one table.
HARMLESS = Counter(
    {
        **{
            f"{name}.click str": 1
            for name in (
                "Account balance",
                "Card abroad",
                "Freeze my card",
                "Latest transactions",
                "Open a joint account",
                "Pay a bill",
            )
        },
        "recording.change show_answer": 1,
        "recording.upload make_playable": 1,
        "NoneType.then show_answer": 3,
        "live-switch.input switch": 1,
        "live-sound.stream hear_chunk": 1,
        "Checkpoint.input describe_chosen": 1,
        "NoneType.then describe_chosen": 2,
        "Checkpoint.focus _refresh_choices": 1,
        "Run.click classify_file": 1,
        "Run.click timeline_file": 1,
        "State.change show_timeline": 1,
        "timeline-strip.ask asked": 1,
        "timeline-strip.seek seek": 1,
        "timeline-details.seek seek": 1,
        "data.change show_data_fields": 1,
        "base.input fill_form": 1,
        "preset.input fill_form": 1,
        "Method.input show_method_fields": 1,
        "Fine-tune.select look_if_bundled": 1,
        "look.click look": 1,
        "data.input look_if_bundled": 1,
        "Show.input filter_rows": 1,
        "recordings.select play": 1,
        "send.click send_to_classify": 1,
        "Fine-tune.select update_expectation": 1,
        "Fine-tune.select prepare_worker": 1,
        "0.5.tick tick": 1,
        "use.click use_model": 1,
        "NoneType.load attach": 1,
        "resume.click resume_run": 1,
        "/status": 1,
        "/list_runs": 1,
        "/report": 1,
        "/compare": 1,
        "share-download.click make_zip": 1,
        "share-push.click push_typed": 1,
        "State.change <lambda>": 1,
        "runs-table.pick pick": 1,
        "runs-table.sort sort": 1,
        "runs-table.open open_one": 1,
        "run-clips.filter show": 1,
        "run-confusion.cell show_pair": 1,
        "run-clips.play play": 1,
        "trash-list.empty empty": 1,
        "Rename.click open_name": 1,
        "Cancel.click open_name": 1,
        "1.0.tick tick": 1,
        "Runs.select tick": 1,
        "Runs.select <lambda>": 1,
        "Use this model.click use_model": 1,
        "NoneType.load restore": 1,
        "State.change use_checkpoint": 2,
        "State.change use_clip": 1,
        "Classify.select <lambda>": 1,
        "Fine-tune.select <lambda>": 1,
    }
)
STARTS = ("start.click start_from_form", "/start")


def numbers(page: gr.Blocks) -> dict[str, list[int]]:
    """The numbers of the functions that run on the server, by their key."""
    found: dict[str, list[int]] = {}
    for number, dependency in page.fns.items():
        if dependency.fn is not None:
            found.setdefault(key_of(page, number), []).append(number)
    return found


def do(page: gr.Blocks, who: Stranger, key: str, deed: Deed, run: RunDir) -> dict:
    """Pick the run as a visitor would, then call the function."""
    at = numbers(page)
    who.call(at["NoneType.load attach"][0], [])
    if deed.picked:
        who.call(at["runs-table.open open_one"][0], [None], {"id": run.id})
    [number] = at[key]
    return who.call(
        number, deed.data(run) if deed.data else values_of(page, number), deed.event(run)
    )


def test_each_function_of_the_page_is_in_a_table(served: tuple[gr.Blocks, str]) -> None:
    counted = Counter({key: len(found) for key, found in numbers(served[0]).items()})
    assert counted == HARMLESS + Counter(dict.fromkeys((*DEEDS, *STARTS), 1))


@pytest.mark.parametrize("key", DEEDS)
def test_what_is_done_to_a_run_is_done_for_its_own_visitor_alone(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs, key: str
) -> None:
    page, address = served
    deed, run = DEEDS[key], getattr(runs, DEEDS[key].run)
    before = snapshot(folder)
    for secret in (BOB, None):
        do(page, Stranger(address, secret), key, deed, run)
        assert snapshot(folder) == before and not deed.is_done(run)
    do(page, Stranger(address, ANN), key, deed, run)
    assert deed.is_done(run)


@pytest.mark.parametrize("key", HARMLESS)
def test_whatever_else_another_visitor_calls_leaves_every_run_as_it_was(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs, key: str
) -> None:
    page, address = served
    before, bob = snapshot(folder), Stranger(address, BOB)
    event = {"id": runs.done.id, "index": 0, "row_value": ["1"], "row": 0, "column": 0}
    bob.call(numbers(page)["NoneType.load attach"][0], [])
    bob.call(numbers(page)["runs-table.open open_one"][0], [None], {"id": runs.done.id})
    for number in numbers(page)[key]:
        data = [runs.done.id] if key in ("/status", "/report") else values_of(page, number)
        data = [[runs.done.id, runs.stopped.id]] if key == "/compare" else data
        if page.fns[number].connection == "stream":
            bob.post(number, data)  # a call through the queue would wait for more
        else:
            bob.call(number, data, event)
    assert snapshot(folder) == before


@pytest.mark.parametrize("key", STARTS)
def test_a_run_that_is_started_is_the_visitors_who_started_it(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs, key: str
) -> None:
    page, address = served
    [number] = numbers(page)[key]
    data = values_of(page, number)
    if key == "/start":
        data = ["sample", ["en-US"], "bundled", "instant", 42, "{}", ""]
    before = set(list_runs(folder))
    Stranger(address, None).call(number, data)
    assert set(list_runs(folder)) == before
    Stranger(address, BOB).call(number, data)
    [made] = set(list_runs(folder)) - before
    assert made.owner == visitor_with(BOB).key and made.queued_file.exists()


def test_a_request_by_function_number_reaches_no_other_function(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs
) -> None:
    page, address = served
    before = snapshot(folder)
    for key in ("/stop", "/remove", "/rename", "/restore"):
        deed = DEEDS[key]
        run = getattr(runs, deed.run)
        Stranger(address, BOB).post(numbers(page)[key][0], deed.data(run))
    assert snapshot(folder) == before


def test_another_visitors_session_gives_no_permissions(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs
) -> None:
    page, address = served
    ann = Stranger(address, ANN)
    ann.call(numbers(page)["runs-table.open open_one"][0], [None], {"id": runs.done.id})
    before = snapshot(folder)
    for key in ("Remove.click act", "Save name.click rename"):
        data = a_name(runs.done) if "rename" in key else [None]
        Stranger(address, BOB, session=ann.session).call(numbers(page)[key][0], data)
    assert snapshot(folder) == before


def test_no_visitor_can_delete_permanently(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs
) -> None:
    page, address = served
    before = snapshot(folder)
    for secret in (ANN, BOB, None):
        said = Stranger(address, secret).call(numbers(page)["trash-list.empty empty"][0], [None])
        assert "Only the owner of this app may empty the trash" in json.dumps(said)
    assert snapshot(folder) == before


def test_each_visitor_sees_in_the_trash_what_is_theirs(
    served: tuple[gr.Blocks, str], runs: Runs
) -> None:
    page, address = served
    [number] = numbers(page)["Runs.select tick"]
    shown = {who: json.dumps(Stranger(address, who).call(number, [None])) for who in (ANN, BOB)}
    assert runs.trashed.id in shown[ANN] and runs.trashed.id not in shown[BOB]
    for page_of in shown.values():
        assert "Empty the trash" not in page_of and runs.private.id not in page_of


def client(address: str, secret: str | None) -> Client:
    return Client(address, verbose=False, headers={HEADER: secret} if secret else {})


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(AppError) as caught:
        call()
    return str(caught.value)


def test_a_run_on_a_folder_of_the_owner_is_hidden_from_visitors(
    served: tuple[gr.Blocks, str], runs: Runs
) -> None:
    bob = client(served[1], BOB)
    listed = [row["run"] for row in bob.predict(api_name="/list_runs")]
    assert runs.private.id not in listed and runs.done.id in listed
    for endpoint in ("/status", "/report", "/stop", "/resume", "/remove"):
        said = refusal(lambda at=endpoint: bob.predict(runs.private.id, api_name=at))
        assert (
            said
            == f"There is no run {runs.private.id!r} in runs: choose one of that folder's runs."
        )


def test_requests_for_folders_are_refused_whole_and_nothing_is_started(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs, tmp_path: Path
) -> None:
    bob, before = client(served[1], BOB), snapshot(folder)
    sample = ("sample", ["en-US"], "bundled", "instant", 42)
    for name in ("data", "base"):
        overrides = json.dumps({name: str(tmp_path)})
        said = refusal(lambda text=overrides: bob.predict(*sample, text, api_name="/start"))
        assert said.startswith(f"{name} is not a hyperparameter")
    for values in ((str(tmp_path), ["en-US"], "bundled"), ("sample", ["en-US"], str(tmp_path))):
        said = refusal(lambda v=values: bob.predict(*v, "instant", 42, "{}", api_name="/start"))
        assert said.startswith("Folders of the server cannot be used here")
    assert snapshot(folder) == before


def test_a_visitor_gets_no_more_than_three_places_in_the_queue(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs
) -> None:
    bob = client(served[1], BOB)
    ask = ("sample", ["en-US"], "bundled", "instant", 42, "{}")
    for _ in range(3):
        bob.predict(*ask, api_name="/start")
    before = list_runs(folder)
    assert refusal(lambda: bob.predict(*ask, api_name="/start")) == (
        "You have 3 runs in the queue, the most that one visitor may have: remove one from the "
        "queue, or try again when one has started."
    )
    assert list_runs(folder) == before
    client(served[1], "another-one-" * 3).predict(*ask, api_name="/start")


def test_neither_status_nor_error_names_a_folder_of_the_server(
    served: tuple[gr.Blocks, str], folder: Path, runs: Runs
) -> None:
    bob = client(served[1], BOB)
    told = [bob.predict(runs.done.id, api_name="/status"), bob.predict(api_name="/list_runs")]
    told.append(bob.predict([runs.done.id, runs.stopped.id], api_name="/compare"))
    told.append(refusal(lambda: bob.predict("20260101-000000-guide-0000", api_name="/status")))
    told.append(refusal(lambda: bob.predict("../../etc", api_name="/restore")))
    assert str(folder.parent) not in json.dumps(told)
    assert told[0]["checkpoint"] == runs.done.id and told[0]["model"] is None


def test_a_recording_that_is_named_by_an_address_is_refused_before_it_is_fetched(
    served: tuple[gr.Blocks, str], runs: Runs
) -> None:
    page, address = served
    recording = {"path": "http://127.0.0.1:1/x.wav", "meta": {"_type": "gradio.FileData"}}
    for data in ([recording, "bundled"], [{"a": [recording]}, "bundled"]):
        answer = httpx.post(f"{address}gradio_api/run/classify", json={"data": data})
        assert answer.status_code == 422
        assert "A recording must be sent as a file, but is a URL" in answer.text


def test_a_call_of_more_than_a_megabyte_is_refused(served: tuple[gr.Blocks, str]) -> None:
    body = json.dumps({"data": ["x" * 1_000_001, "bundled"]})
    answer = httpx.post(f"{served[1]}gradio_api/run/classify", content=body)
    assert answer.status_code == 413

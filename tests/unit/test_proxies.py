"""Proxies and certificates of the environment: kept where they can be used, a sentence where not."""

import os
from pathlib import Path

import httpx
import httpx2
import pytest

from intent.hub_http import reason_of
from intent.proxies import NOWHERE, configure_proxies

NAMES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
BROKEN = (
    "socks5://proxy:1080",
    "socks4://proxy:1080",
    "ftp://proxy:21",
    "://",
    "http://",
    "http://[::1",
    "http://proxy:99999",
    "http://proxy:port",
    "http://a b:80",
    " http://proxy:80 ",
    "http://proxy:0",
)
HUB = "https://huggingface.co/api"


@pytest.fixture(autouse=True)
def no_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no proxy and has no package for SOCKS, put back behind each test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
        and not name.startswith(("SSL_CERT", "GRADIO_SERVER"))
    }
    monkeypatch.setattr(os, "environ", kept)
    monkeypatch.setattr(
        "intent.proxies.find_spec", lambda name: None if name == "socksio" else name
    )


def assert_clients_are_made() -> None:
    httpx.Client(verify=False).close()
    httpx2.Client(verify=False).close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", BROKEN)
def test_proxy_that_cannot_be_used_is_a_sentence_and_clients_are_made_all_the_same(
    name: str, value: str
) -> None:
    os.environ[name] = value
    [said] = configure_proxies()
    assert said.startswith(f'{name} should be a proxy such as http://host:port, found "{value}" (')
    assert said.endswith("nothing is downloaded from the Hugging Face Hub; everything else works.")
    assert_clients_are_made()
    assert configure_proxies() == []  # nor does a child process say it again


@pytest.mark.parametrize("client", [httpx, httpx2])
def test_request_fails_instead_of_bypassing_an_unusable_proxy(client: object) -> None:
    os.environ["ALL_PROXY"] = "socks5://proxy:1080"
    configure_proxies()
    assert os.environ["ALL_PROXY"] == NOWHERE
    with pytest.raises(client.ConnectError):
        client.get(HUB)


@pytest.mark.parametrize(
    "value", ["http://proxy:80", "proxy:80", "nonsense", "http://u:p@[::1]:80"]
)
def test_proxy_that_can_be_used_is_left_as_it_is(value: str) -> None:
    os.environ["HTTPS_PROXY"] = value
    assert configure_proxies() == []
    assert os.environ["HTTPS_PROXY"] == value


def test_this_machine_is_exempt_beside_what_the_user_exempts() -> None:
    os.environ.update(
        http_proxy="proxy:80", NO_PROXY=".corp, 10.0.0.0/8,[::1]", no_proxy="intranet"
    )
    os.environ["GRADIO_SERVER_NAME"] = "studio.corp"
    assert configure_proxies() == []
    expected = "intranet,.corp,10.0.0.0/8,::1,localhost,127.0.0.1,0.0.0.0,studio.corp"
    assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (expected, expected)
    assert_clients_are_made()


def test_exception_that_is_no_host_is_left_out_with_a_sentence() -> None:
    os.environ["no_proxy"] = "corp,http://[::1"
    assert configure_proxies() == [
        'NO_PROXY must list hosts, but contains "http://[::1", which is ignored.'
    ]
    assert os.environ["no_proxy"].startswith("corp,localhost,")
    assert_clients_are_made()


def test_environment_without_proxies_is_left_alone() -> None:
    before = dict(os.environ)
    assert configure_proxies() == []
    assert os.environ == before


def test_password_of_a_proxy_is_never_printed() -> None:
    os.environ.update(
        HTTP_PROXY="http://me:s3cret@proxy:x", https_proxy="ftp://me:s3:cr@et@proxy:1"
    )
    said = " ".join(configure_proxies())
    assert '"http://proxy:x"' in said and '"ftp://proxy:1"' in said
    assert "s3" not in said and "me" not in said.split('"')[1::2]


def test_one_proxy_under_several_names_is_one_sentence() -> None:
    os.environ.update(dict.fromkeys(("http_proxy", "https_proxy"), "socks5://proxy:1"))
    [said] = configure_proxies()
    assert said.startswith("http_proxy and https_proxy should be a proxy")
    assert "correct or unset them." in said


def test_an_overridden_variable_is_not_reported() -> None:
    os.environ.update(HTTP_PROXY="socks5://proxy:1", http_proxy="http://proxy:80")
    assert configure_proxies() == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"ALL_PROXY": "socks5://proxy:1"},
            "the proxy set in ALL_PROXY cannot be used: correct or unset it",
        ),
        (
            {"https_proxy": "http://me:s3cret@127.0.0.1:1"},
            "the proxy of https_proxy, http://127.0.0.1:1, does not respond: correct or unset it",
        ),
        ({"http_proxy": "http://127.0.0.1:1"}, "no connection"),  # the Hub is asked over https
    ],
)
def test_failure_to_reach_the_hub_names_the_proxy_that_stands_between(
    settings: dict[str, str], reason: str
) -> None:
    os.environ.update(settings)
    configure_proxies()
    assert reason_of(httpx2.ConnectError("[Errno 111] Connection refused")) == reason


def test_the_error_of_a_refusing_proxy_is_reported() -> None:
    os.environ["HTTPS_PROXY"] = "http://proxy:80"
    assert reason_of(httpx2.ProxyError("407 Proxy Authentication Required")) == (
        'the proxy of HTTPS_PROXY, http://proxy:80, answers "407 Proxy Authentication Required": '
        "correct or unset it"
    )


def test_certificates_that_cannot_be_read_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    os.environ.update(
        SSL_CERT_FILE=str(tmp_path / "none.pem"), SSL_CERT_DIR=str(tmp_path / "absent")
    )
    said = configure_proxies()
    assert [sentence.split()[0] for sentence in said] == ["SSL_CERT_FILE", "SSL_CERT_DIR"]
    assert not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & set(os.environ)
    httpx.Client().close()

"""The environment's proxies and certificates, made such that they cannot keep the app from starting.

httpx, with which Gradio asks the app's own address and the Hub is asked, reads them whenever it makes
a client, and raises at one that it cannot use: even for an address that needs no proxy.
"""

import ipaddress
import os
import re
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
SCHEMES = ("http", "https", "socks5", "socks5h")  # of proxies, as httpx has them
VARIABLES = ("http_proxy", "https_proxy", "all_proxy")  # in small or capital letters
CLIENTS = ("httpx", "httpx2")  # Gradio's and the Hub's
# Stands in for a proxy that cannot be used: nobody can listen there, so that a request fails rather
# than goes past the proxy that it was meant for.
NOWHERE = "http://127.0.0.1:0"
HOST = re.compile(r"((all|https?)://)?[A-Za-z0-9_.*-]+(:[0-9]{1,5}|/[0-9]{1,2})?")


def settle_proxies() -> list[str]:
    """Exempt this machine from proxies and set aside what cannot be used; return a sentence for each.

    Only for a process that has not yet begun other threads.
    """
    _take_over_system_proxies()
    said = [*_set_aside_proxies(), *_set_aside_certificates()]
    exceptions = ",".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY")).strip(",")
    if exceptions or _proxy_variables():
        kept, left_out = _usable_exceptions(exceptions)
        own = os.environ.get("GRADIO_SERVER_NAME", "").strip("[] ")
        more = [host for host in (*LOOPBACK, own) if host and host not in kept]
        value = ",".join([*kept, *more]) if "*" not in kept else "*"
        os.environ.update(no_proxy=value, NO_PROXY=value)
        if left_out:
            said.append(f"NO_PROXY should list hosts, and {_quoted(left_out)} is none: left out.")
    return said


def unusable_proxy(scheme: str) -> str | None:
    """Return which variables name a proxy for https or http that was set aside; None: none does."""
    named = _proxy_variables()
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        names = [name for name in named if name.lower() == wanted]
        if names:
            broken = [name for name in names if named[name] == NOWHERE]
            return " and ".join(broken) or None
    return None


def proxy_for(scheme: str) -> str | None:
    """Return the variable that names the proxy for https or http, with the proxy: "NAME, host:port"."""
    named = _proxy_variables()
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        for name in named:
            if name.lower() == wanted:
                return f"{name}, {_without_secret(named[name])}"
    return None


def _proxy_variables() -> dict[str, str]:
    """The variables in force: one in capital letters counts where there is none in small ones."""
    found = {
        name: value for name, value in os.environ.items() if name.lower() in VARIABLES and value
    }
    return {
        name: value
        for name, value in found.items()
        if name == name.lower() or name.lower() not in found
    }


def _take_over_system_proxies() -> None:
    """Name in the environment what macOS is set to, which any variable there would hide."""
    if sys.platform != "darwin" or _proxy_variables():
        return
    from urllib.request import getproxies

    for scheme, url in getproxies().items():
        if scheme in ("http", "https"):
            os.environ[f"{scheme}_proxy"] = url


def _set_aside_proxies() -> list[str]:
    broken: dict[tuple[str, str], list[str]] = {}
    for name, value in _proxy_variables().items():
        if value != NOWHERE and (problem := _problem(value)):  # else a parent process has told
            broken.setdefault((_without_secret(value), problem), []).append(name)
            os.environ[name] = NOWHERE
    return [
        f'{" and ".join(names)} should name a proxy such as http://host:port, found "{shown}" '
        f"({problem}): correct or unset {'it' if len(names) == 1 else 'them'}. Until then nothing "
        "is fetched from the Hugging Face Hub; all else works."
        for (shown, problem), names in broken.items()
    ]


def _problem(value: str) -> str | None:
    """Why httpx cannot use a proxy, or None."""
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in SCHEMES:
        return f"{parts.scheme or 'no scheme'} is not among {', '.join(SCHEMES)}"
    if not host or re.search(r"\s", url) or port == 0:
        return "it has no host and port"
    if parts.scheme.startswith("socks") and not find_spec("socksio"):
        return "SOCKS needs a package: pip install socksio"
    for name in filter(find_spec, CLIENTS):
        try:
            __import__(name).Proxy(url)
        except Exception as error:  # noqa: BLE001 - each client has an error of its own
            return " ".join(str(error).split())
    return None


def _usable_exceptions(listed: str) -> tuple[list[str], list[str]]:
    """The entries of no_proxy that httpx can read, with those that are no host."""
    kept, left_out = [], []
    for entry in filter(None, (part.strip() for part in listed.split(","))):
        bare = entry.strip("[]")
        host = bare if _is_address(bare) else entry
        (kept if _is_address(host) or HOST.fullmatch(host) else left_out).append(host)
    return list(dict.fromkeys(kept)), list(dict.fromkeys(left_out))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _set_aside_certificates() -> list[str]:
    """Unset SSL_CERT_FILE and SSL_CERT_DIR where they name nothing that can be used."""
    said = []
    for name, option in (("SSL_CERT_FILE", "cafile"), ("SSL_CERT_DIR", "capath")):
        value = os.environ.get(name)
        if not value:
            continue
        import ssl

        try:
            os.stat(value)
            ssl.create_default_context(**{option: value})
        except OSError as error:
            del os.environ[name]
            said.append(
                f'{name} should name certificates, found "{value}" ({error.strerror or error}): '
                "correct or unset it. Until then the usual ones are used."
            )
    return said


def _without_secret(url: str) -> str:
    """A proxy without its user and password."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _quoted(entries: list[str]) -> str:
    return " and ".join(f'"{_without_secret(entry)}"' for entry in entries)

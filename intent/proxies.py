"""Replace unusable proxies and certificates in the environment, which keep the app from starting.

Gradio and huggingface_hub use httpx, which reads them for each new client and raises for one that it
cannot use, even for an address that needs no proxy.
"""

import ipaddress
import os
import re
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
SCHEMES = ("http", "https", "socks5", "socks5h")  # of proxies that httpx supports
VARIABLES = ("http_proxy", "https_proxy", "all_proxy")  # in lower or upper case
CLIENTS = ("httpx", "httpx2")  # of Gradio and of huggingface_hub
# Replaces an unusable proxy: no server can listen on this address, so requests fail instead of bypassing
# the intended proxy.
NOWHERE = "http://127.0.0.1:0"
HOST = re.compile(r"((all|https?)://)?[A-Za-z0-9_.*-]+(:[0-9]{1,5}|/[0-9]{1,2})?")


def configure_proxies() -> list[str]:
    """Exempt this machine from proxies and replace unusable settings; return a message for each.

    Call it before the process starts other threads.
    """
    _export_system_proxies()
    messages = [*_replace_unusable_proxies(), *_unset_unusable_certificates()]
    exceptions = ",".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY")).strip(",")
    if exceptions or _proxy_variables():
        kept, left_out = _usable_exceptions(exceptions)
        own = os.environ.get("GRADIO_SERVER_NAME", "").strip("[] ")
        more = [host for host in (*LOOPBACK, own) if host and host not in kept]
        value = ",".join([*kept, *more]) if "*" not in kept else "*"
        os.environ.update(no_proxy=value, NO_PROXY=value)
        if left_out:
            messages.append(
                f"NO_PROXY must list hosts, but contains {_quoted(left_out)}, which is ignored."
            )
    return messages


def unusable_proxy(scheme: str) -> str | None:
    """Return the variables that set an unusable proxy for https or http, or None."""
    named = _proxy_variables()
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        names = [name for name in named if name.lower() == wanted]
        if names:
            broken = [name for name in names if named[name] == NOWHERE]
            return " and ".join(broken) or None
    return None


def proxy_for(scheme: str) -> str | None:
    """Return the variable and the proxy in use for https or http, as "NAME, host:port", or None."""
    named = _proxy_variables()
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        for name in named:
            if name.lower() == wanted:
                return f"{name}, {_without_secret(named[name])}"
    return None


def _proxy_variables() -> dict[str, str]:
    """Return the variables in effect: upper case counts only without the lower case one."""
    found = {
        name: value for name, value in os.environ.items() if name.lower() in VARIABLES and value
    }
    return {
        name: value
        for name, value in found.items()
        if name == name.lower() or name.lower() not in found
    }


def _export_system_proxies() -> None:
    """Copy the proxies of macOS into the environment, where any variable would override them."""
    if sys.platform != "darwin" or _proxy_variables():
        return
    from urllib.request import getproxies

    for scheme, url in getproxies().items():
        if scheme in ("http", "https"):
            os.environ[f"{scheme}_proxy"] = url


def _replace_unusable_proxies() -> list[str]:
    broken: dict[tuple[str, str], list[str]] = {}
    for name, value in _proxy_variables().items():
        if value != NOWHERE and (
            problem := _problem(value)
        ):  # else a parent process has reported it
            broken.setdefault((_without_secret(value), problem), []).append(name)
            os.environ[name] = NOWHERE
    return [
        f'{" and ".join(names)} should be a proxy such as http://host:port, found "{shown}" '
        f"({problem}): correct or unset {'it' if len(names) == 1 else 'them'}. Until then, "
        "nothing is downloaded from the Hugging Face Hub; everything else works."
        for (shown, problem), names in broken.items()
    ]


def _problem(value: str) -> str | None:
    """Return why httpx cannot use a proxy, or None."""
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in SCHEMES:
        return f"{parts.scheme or 'no scheme'} is not one of {', '.join(SCHEMES)}"
    if not host or re.search(r"\s", url) or port == 0:
        return "it has no host and port"
    if parts.scheme.startswith("socks") and not find_spec("socksio"):
        return "SOCKS needs a package: pip install socksio"
    for name in filter(find_spec, CLIENTS):
        try:
            __import__(name).Proxy(url)
        except Exception as error:  # noqa: BLE001 - each client has its own errors
            return " ".join(str(error).split())
    return None


def _usable_exceptions(listed: str) -> tuple[list[str], list[str]]:
    """Return the entries of no_proxy that httpx can read, and those that are not hosts."""
    kept: list[str] = []
    left_out: list[str] = []
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


def _unset_unusable_certificates() -> list[str]:
    """Unset SSL_CERT_FILE and SSL_CERT_DIR if they are unusable; return a message for each."""
    messages = []
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        value = os.environ.get(name)
        if not value:
            continue
        import ssl

        try:
            os.stat(value)
            is_file = name == "SSL_CERT_FILE"
            ssl.create_default_context(
                cafile=value if is_file else None, capath=None if is_file else value
            )
        except OSError as error:
            del os.environ[name]
            messages.append(
                f'{name} should be a path of certificates, but is "{value}" '
                f"({error.strerror or error}): correct or unset it. Until then, the default is used."
            )
    return messages


def _without_secret(url: str) -> str:
    """Return a proxy without its user and password."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _quoted(entries: list[str]) -> str:
    return " and ".join(f'"{_without_secret(entry)}"' for entry in entries)

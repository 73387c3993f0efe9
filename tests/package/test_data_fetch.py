"""Fetching a file by its address, from a server that runs in the test."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vit_tutorial.data.fetch import fetch, is_url


class Answers(BaseHTTPRequestHandler):
    """What a server on the internet may do."""

    def do_GET(self) -> None:
        path = self.path
        if path == "/moved":
            return self.redirect("/good")
        if path == "/to-file":
            return self.redirect("file:///etc/hostname")
        if path == "/round":
            return self.redirect("/round")
        if path == "/missing":
            return self.send_error(404)
        self.send_response(200)
        if path == "/announced":
            self.send_header("Content-Length", str(10**9))
        elif path == "/cut":
            self.send_header("Content-Length", "100")
        self.end_headers()
        if path == "/endless":
            for _ in range(1000):
                self.wfile.write(b"x" * 2**16)
        elif path == "/slow":
            for _ in range(50):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        elif path == "/agent":
            self.wfile.write(self.headers["User-Agent"].encode())
        else:
            self.wfile.write(path.encode())
        return None

    def redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reader had enough
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as httpd, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_file_is_fetched_and_the_program_names_itself(server: str) -> None:
    assert fetch(f"{server}/good") == b"/good"
    assert fetch(f"{server}/agent").startswith(b"vit-tutorial")


def test_a_redirect_is_followed(server: str) -> None:
    assert fetch(f"{server}/moved") == b"/good"


def test_an_address_with_a_space_and_an_umlaut_is_encoded(server: str) -> None:
    assert fetch(f"{server}/two words/Käfer.jpg?a=ö b#part") == b"/two%20words/K%C3%A4fer.jpg?a=%C3%B6%20b"
    assert fetch(f"{server}/already%20encoded") == b"/already%20encoded"


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        ("/missing", {}, "the server answered 404 Not Found"),
        ("/announced", {}, "it has 954 MB or more, and the limit is 50 MB"),
        ("/endless", {"limit": 2**20}, "the limit is 1 MB; download and shrink it first"),
        ("/slow", {"timeout": 0.4}, "not read within 0.4 seconds"),
        ("/cut", {}, "broke off after 4 of 100 bytes"),
        ("/to-file", {}, r"file|redirect"),
        ("/round", {}, "answered 302"),
    ],
)
def test_what_goes_wrong_at_a_server_is_said(server: str, path: str, settings: dict[str, float], message: str) -> None:
    with pytest.raises((OSError, ValueError), match=message):
        fetch(server + path, **settings)  # type: ignore[arg-type]


def test_a_server_that_is_not_there_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match=r"could not be reached \(.*refused.*check the address and the network"):
        fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/a.jpg", "begins with ftp://; only http:// and https:// are read"),
        ("file:///etc/passwd", "begins with file://"),
        ("http:///a.jpg", "names no host"),
    ],
)
def test_addresses_of_other_kinds_are_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fetch(url)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("https://a.org/b.jpg", True),
        ("ftp://a", True),
        ("photo.jpg", False),
        ("C:\\photo.jpg", False),
        ("a/b://c", False),
    ],
)
def test_an_address_is_told_from_a_path(text: str, answer: bool) -> None:
    assert is_url(text) is answer

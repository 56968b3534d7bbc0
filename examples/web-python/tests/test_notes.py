"""The application over HTTP, with the real database."""

import threading
import urllib.error
import urllib.parse
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from notes.application import Application
from notes.store import Store


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def site():
    store = Store()
    store.query("truncate note")
    # Its thread is the only one that uses the connection, until the test has ended.
    with make_server("127.0.0.1", 0, Application(store), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(address):
    # The container's variables for proxies are for the world outside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address) as answer:
        return answer.read().decode()


def add(site, title):
    body = urllib.parse.urlencode({"title": title}).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{site}/notes", body) as answer:
        assert answer.status == 201
        return answer.headers["Location"]


def test_a_note_is_kept_at_an_address_made_of_its_title(site):
    assert add(site, "Buy Milk & Bread") == "/notes/buy-milk-bread"
    assert get(f"{site}/notes/buy-milk-bread") == "Buy Milk & Bread"


def test_notes_are_listed_in_their_order(site):
    add(site, "Second thoughts")
    add(site, "A first one")
    assert get(f"{site}/notes") == "/notes/second-thoughts\n/notes/a-first-one\n"


def test_what_is_not_there_is_not_found(site):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(f"{site}/notes/nothing")
    assert error.value.code == 404

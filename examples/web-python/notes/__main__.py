"""Serves at port 8000 of this machine: python -m notes."""

from wsgiref.simple_server import make_server

from .application import Application
from .store import Store

with make_server("127.0.0.1", 8000, Application(Store())) as server:
    server.serve_forever()

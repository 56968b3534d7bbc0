"""The web application, by the interface of PEP 3333."""

from urllib.parse import parse_qs

from example_slugs import slug


class Application:
    def __init__(self, store):
        self.store = store

    def __call__(self, environ, start_response):
        status, headers, text = self.answer(environ)
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
        return [text.encode()]

    def answer(self, environ):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("POST", "/notes"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            title = parse_qs(body.decode())["title"][0]
            self.store.add(slug(title), title)
            return "201 Created", [("Location", f"/notes/{slug(title)}")], ""
        if (method, path) == ("GET", "/notes"):
            return "200 OK", [], "".join(f"/notes/{each}\n" for each in self.store.slugs())
        if method == "GET" and path.startswith("/notes/"):
            title = self.store.title(path.removeprefix("/notes/"))
            if title is not None:
                return "200 OK", [], title
        return "404 Not Found", [], "nothing here\n"

"""Django, Flask, Starlette, FastAPI, plain WSGI and ASGI: routes, status classes, flags, streamed bodies."""

import asyncio

import pytest
from conftest import endpoint

import fewer
import fewer.asgi
import fewer.wsgi
from fewer import _core, _http


def now():
    """Labels of the code that runs."""
    record = _core._get(None)
    return None if record is None else _core._records.labels(record).endpoint.decode()


@pytest.mark.parametrize(
    "template, expected",
    [
        ("feed/", "/feed/"),
        ("", "/"),
        ("items/<int:pk>/", "/items/{pk}/"),
        ("items/<pk>/x/<slug:name>", "/items/{pk}/x/{name}"),
        (r"^items/(?P<pk>\d+)/(?P<year>(19|20)\d{2})/$", "/items/{pk}/{year}/"),
        (r"^a\.b/$", "/a.b/"),
        ("/items/{pk}", "/items/{pk}"),
        ("/static/<path:filename>", "/static/{filename}"),
    ],
)
def test_templates_of_all_frameworks_read_alike(template, expected):
    assert _http.endpoint("GET", template) == "GET " + expected
    assert _http.endpoint("x" * 10000, template) == "_OTHER " + expected


# -- WSGI --------------------------------------------------------------------------------------------------------------


def call_wsgi(app, path="/", method="GET", close=True):
    from wsgiref.util import setup_testing_defaults

    environ = {"PATH_INFO": path, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    told = []
    body = app(environ, lambda status, headers, *rest: told.append(status))
    pieces = list(body)
    if close and hasattr(body, "close"):
        body.close()
    return told[0], b"".join(pieces)


def test_wsgi_streams_and_fails(counted):
    seen = []

    class Pieces:
        closed = 0

        def __iter__(self):
            for piece in (b"a", b"b"):
                seen.append(now())
                fewer.flag("late", piece.decode())
                yield piece

        def close(self):
            Pieces.closed += 1
            seen.append(now())

    def app(environ, start):
        fewer.route("GET /stream")
        if environ["PATH_INFO"] == "/boom":
            raise ValueError("mine")
        start("503 Busy" if environ["PATH_INFO"] == "/busy" else "200 OK", [])
        return [b"whole"] if environ["PATH_INFO"] == "/whole" else Pieces()

    wrapped = fewer.wsgi.Middleware(app)
    assert call_wsgi(wrapped) == ("200 OK", b"ab")
    assert seen == ["GET /stream"] * 3 and Pieces.closed == 1
    assert call_wsgi(wrapped, "/busy") == ("503 Busy", b"ab")
    assert call_wsgi(wrapped, "/whole") == ("200 OK", b"whole")
    with pytest.raises(ValueError):
        call_wsgi(wrapped, "/boom")
    assert counted.requests() == {
        endpoint("GET /stream", late="b"): (2, 0, 1),
        endpoint("GET /stream"): (2, 0, 1),
    }


def test_wsgi_leaves_the_servers_file_wrapper_alone():
    class FileWrapper:
        pass

    body = FileWrapper()
    wrapped = fewer.wsgi.Middleware(lambda environ, start: body)
    assert wrapped({"wsgi.file_wrapper": FileWrapper, "REQUEST_METHOD": "GET"}, None) is body


def test_streamed_cpu_time_counts_only_own_stretches():
    import time

    def burn(seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def pieces():
        for _ in range(3):
            burn(0.002)
            yield b"x"

    def app(environ, start):
        fewer.route("GET /stretches")
        burn(0.002)
        return pieces()

    body = fewer.wsgi.Middleware(app)({"REQUEST_METHOD": "GET"}, None)
    for _ in body:
        burn(0.005)
    body.close()
    word = _core._slots[_core._records.endpoint("GET /stretches")]
    assert _core._words[word + 3] == 1
    assert 8e6 <= _core._words[word + 2] <= 9e6


# -- Flask -------------------------------------------------------------------------------------------------------------


def test_flask(counted):
    flask = pytest.importorskip("flask")
    import fewer.flask

    app = flask.Flask(__name__)
    seen = []

    @app.before_request
    def early():
        seen.append(now())

    @app.route("/items/<int:pk>", methods=["GET", "POST"])
    def item(pk):
        fewer.flag("new", pk % 2 == 0, "split")
        if pk == 13:
            raise RuntimeError("unlucky")
        return "item" if pk < 100 else ("missing", 404)

    @app.route("/stream")
    def stream():
        def pieces():
            seen.append(now())
            yield "a"

        return flask.Response(pieces())

    assert fewer.flask.install(fewer.flask.install(app)) is app
    client = app.test_client()
    for path in ("/items/1", "/items/2", "/items/13", "/items/101", "/nowhere"):
        client.get(path, buffered=True)
    client.post("/items/1", buffered=True)
    assert client.get("/stream").data == b"a"
    assert seen == ["GET /items/{pk}"] * 4 + ["GET (unrouted)", "POST /items/{pk}"] + ["GET /stream"] * 2
    assert counted.requests() == {
        endpoint("GET /items/{pk}", new="false"): (3, 1, 1),
        endpoint("GET /items/{pk}", new="true"): (1, 0, 0),
        endpoint("POST /items/{pk}", new="false"): (1, 0, 0),
        endpoint("GET (unrouted)"): (1, 1, 0),
        endpoint("GET /stream"): (1, 0, 0),
    }


# -- ASGI --------------------------------------------------------------------------------------------------------------


async def call_asgi(app, path, method="GET"):
    sent = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": [(b"host", b"test")], "scheme": "http",
        "server": ("test", 80), "client": ("test", 1), "root_path": "",
    }

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message):
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 20)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_starlette(counted):
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Mount, Route

    seen = []

    async def item(request):
        fewer.flag("new", "on", "split")
        return PlainTextResponse(now())

    def in_thread(request):
        fewer.flag("pool", "on", "split")
        return PlainTextResponse(now())

    async def stream(request):
        async def pieces():
            seen.append(now())
            yield b"a"

        return StreamingResponse(pieces())

    class Base(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    routes = [
        Route("/items/{pk:int}", item),
        Route("/stream", stream),
        Mount("/sub/{area}", routes=[Route("/thread/{name}", in_thread)]),
    ]
    for middleware in (None, Base):
        app = Starlette(routes=routes)
        if middleware:
            app.add_middleware(middleware)
        app = fewer.asgi.Middleware(app)
        assert asyncio.run(call_asgi(app, "/items/7")) == (200, b"GET /items/{pk}")
        assert asyncio.run(call_asgi(app, "/sub/x/thread/y")) == (200, b"GET /sub/{area}/thread/{name}")
        assert asyncio.run(call_asgi(app, "/stream")) == (200, b"a")
        assert asyncio.run(call_asgi(app, "/nowhere"))[0] == 404
    assert seen == ["GET /stream"] * 2
    assert counted.requests() == {
        endpoint("GET /items/{pk}", new="on"): (2, 0, 0),
        endpoint("GET /sub/{area}/thread/{name}", pool="on"): (2, 0, 0),
        endpoint("GET /stream"): (2, 0, 0),
        endpoint("GET (unrouted)"): (2, 2, 0),
    }


def test_starlette_that_does_not_write_the_route_down():
    from fewer.asgi import _Scope

    class Router:
        pass

    class Rule:
        def __init__(self, path, endpoint=None, routes=None):
            self.path_format, self.endpoint = path, endpoint
            if routes:
                self.routes = routes

    def view():
        pass

    router = Router()
    router.routes = [Rule("/a"), Rule("/sub/{path}", routes=[Rule("/items/{pk}", view)])]
    with fewer.request("GET (unrouted)"):
        scope = _Scope({"router": router}, "GET")
        scope.update({"endpoint": view, "path_params": {}})
        assert now() == "GET /sub/items/{pk}"


def test_fastapi(counted):
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    router = fastapi.APIRouter(prefix="/inner")

    @app.get("/items/{pk}")
    async def item(pk: int):
        fewer.flag("new", "on", "split")
        return now()

    @app.get("/thread/{pk}")
    def in_thread(pk: int):
        fewer.flag("pool", pk % 2 == 0, "split")
        if pk == 13:
            raise RuntimeError("unlucky")
        return now()

    @router.get("/deep/{name}")
    async def deep(name: str):
        return now()

    app.include_router(router, prefix="/outer")
    app = fewer.asgi.Middleware(app)
    assert asyncio.run(call_asgi(app, "/items/7")) == (200, b'"GET /items/{pk}"')
    assert asyncio.run(call_asgi(app, "/items/x"))[0] == 422
    assert asyncio.run(call_asgi(app, "/thread/2")) == (200, b'"GET /thread/{pk}"')
    assert asyncio.run(call_asgi(app, "/outer/inner/deep/a")) == (200, b'"GET /outer/inner/deep/{name}"')
    with pytest.raises(RuntimeError):
        asyncio.run(call_asgi(app, "/thread/13"))
    assert counted.requests() == {
        endpoint("GET /items/{pk}", new="on"): (1, 0, 0),
        endpoint("GET /items/{pk}"): (1, 1, 0),
        endpoint("GET /thread/{pk}", pool="true"): (1, 0, 0),
        endpoint("GET /thread/{pk}", pool="false"): (1, 0, 1),
        endpoint("GET /outer/inner/deep/{name}"): (1, 0, 0),
    }


def test_asgi_tasks_on_one_loop_keep_apart(counted):
    async def app(scope, receive, send):
        fewer.route("GET " + scope["path"])
        for _ in range(20):
            assert now() == "GET " + scope["path"]
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 500 if scope["path"] == "/3" else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def main():
        wrapped = fewer.asgi.Middleware(app)
        await asyncio.gather(*[call_asgi(wrapped, "/%d" % (index % 5)) for index in range(50)])

    asyncio.run(main())
    assert counted.requests() == {endpoint("GET /%d" % n): (10, 0, 10 * (n == 3)) for n in range(5)}

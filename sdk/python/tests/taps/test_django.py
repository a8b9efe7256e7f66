"""Django under WSGI and ASGI handlers, with django-waffle."""

import asyncio
import sys
import types

import pytest
from conftest import endpoint
from test_web import call_asgi, call_wsgi, now

import fewer

django = pytest.importorskip("django")
seen = []


@pytest.fixture(scope="module")
def site():
    """A configured Django with its URLs; returns (WSGI application, ASGI application)."""
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF="fewer_test_urls", SECRET_KEY="test", LOGGING_CONFIG=None,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "waffle"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        MIDDLEWARE=["fewer.django.Middleware", "django.middleware.common.CommonMiddleware"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    sys.modules["fewer_test_urls"] = urls()
    from django.core.asgi import get_asgi_application
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    import fewer.django

    fewer.django.comment_queries()
    call_command("migrate", verbosity=0)
    return get_wsgi_application(), get_asgi_application()


def urls():
    from django.http import Http404, HttpResponse, StreamingHttpResponse
    from django.urls import include, path, re_path

    def item(request, pk):
        pk = int(pk)
        fewer.flag("new", pk % 2 == 0, "split")
        if pk == 13:
            raise RuntimeError("unlucky")
        if pk == 404:
            raise Http404
        return HttpResponse(now())

    async def item_async(request, pk):
        await asyncio.sleep(0)
        return HttpResponse(now())

    def stream(request):
        def pieces():
            seen.append(now())
            fewer.flag("late", "on")
            yield b"a"
            seen.append(now())

        return StreamingHttpResponse(pieces())

    async def stream_async(request):
        async def pieces():
            seen.append(now())
            yield b"a"

        return StreamingHttpResponse(pieces())

    module = types.ModuleType("fewer_test_urls")
    module.urlpatterns = [
        path("items/<int:pk>/", item),
        path("async/<int:pk>/", item_async),
        path("stream/", stream),
        path("stream_async/", stream_async),
        path("api/", include([re_path(r"^old/(?P<pk>\d+)/$", item)])),
    ]
    return module


def test_wsgi(site, counted):
    app, _ = site
    seen.clear()
    assert call_wsgi(app, "/items/1/") == ("200 OK", b"GET /items/{pk}/")
    assert call_wsgi(app, "/items/2/") == ("200 OK", b"GET /items/{pk}/")
    assert call_wsgi(app, "/api/old/2/") == ("200 OK", b"GET /api/old/{pk}/")
    assert call_wsgi(app, "/async/1/") == ("200 OK", b"GET /async/{pk}/")
    assert call_wsgi(app, "/stream/") == ("200 OK", b"a")
    assert seen == ["GET /stream/"] * 2
    for path in ("/items/13/", "/items/404/", "/nowhere/"):
        call_wsgi(app, path)
    assert counted.requests() == {
        endpoint("GET /items/{pk}/", new="false"): (2, 0, 1),
        endpoint("GET /items/{pk}/", new="true"): (2, 1, 0),
        endpoint("GET /api/old/{pk}/", new="true"): (1, 0, 0),
        endpoint("GET /async/{pk}/"): (1, 0, 0),
        endpoint("GET /stream/", late="on"): (1, 0, 0),
        endpoint("GET (unrouted)"): (1, 1, 0),
    }


def test_asgi(site, counted):
    _, app = site
    seen.clear()
    assert asyncio.run(call_asgi(app, "/async/1/")) == (200, b"GET /async/{pk}/")
    assert asyncio.run(call_asgi(app, "/items/2/")) == (200, b"GET /items/{pk}/")
    assert asyncio.run(call_asgi(app, "/nowhere/"))[0] == 404
    assert asyncio.run(call_asgi(app, "/stream_async/")) == (200, b"a")
    assert asyncio.run(call_asgi(app, "/stream/")) == (200, b"a")
    assert seen == ["GET /stream_async/"] + ["GET /stream/"] * 2
    assert counted.requests() == {
        endpoint("GET /stream_async/"): (1, 0, 0),
        endpoint("GET /stream/"): (1, 0, 0),
        endpoint("GET /async/{pk}/"): (1, 0, 0),
        endpoint("GET /items/{pk}/", new="true"): (1, 0, 0),
        endpoint("GET (unrouted)"): (1, 1, 0),
    }


def test_inside_the_wsgi_middleware_there_is_one_request(site, counted):
    import fewer.wsgi

    assert call_wsgi(fewer.wsgi.Middleware(site[0]), "/items/2/") == ("200 OK", b"GET /items/{pk}/")
    assert call_wsgi(fewer.wsgi.Middleware(site[0]), "/items/404/")[0] == "404 Not Found"
    assert counted.requests() == {endpoint("GET /items/{pk}/", new="true"): (2, 1, 0)}


def test_queries_tell_their_endpoint(site):
    from django.db import connection

    executed = []

    def note(execute, sql, params, many, context):
        executed.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with fewer.request("GET /items/{pk}"):
            cursor.execute("SELECT 2")
            cursor.execute("SELECT '%%', %s", [3])
            assert cursor.fetchone() == ("%", 3)
            cursor.execute("SELECT 4 /* mine */")
        with fewer.request("celery:it's */"):
            cursor.execute("SELECT 5")
    assert executed == [
        "SELECT 1",
        "SELECT 2 /*endpoint='GET%20%2Fitems%2F%7Bpk%7D',route='%2Fitems%2F%7Bpk%7D'*/",
        "SELECT '%%', %s /*endpoint='GET%%20%%2Fitems%%2F%%7Bpk%%7D',route='%%2Fitems%%2F%%7Bpk%%7D'*/",
        "SELECT 4 /* mine */",
        "SELECT 5 /*endpoint='celery%3Ait%27s%20%2A%2F'*/",
    ]


def test_waffle(site, counted):
    waffle = pytest.importorskip("waffle")
    from django.contrib.auth.models import AnonymousUser
    from django.test import RequestFactory

    import fewer.waffle

    fewer.waffle.install()
    fewer.waffle.install()
    waffle.get_waffle_flag_model().objects.create(name="all", everyone=True)
    waffle.get_waffle_flag_model().objects.create(name="half", percent=50)
    waffle.get_waffle_flag_model().objects.create(name="spanish", languages="es")
    waffle.get_waffle_switch_model().objects.create(name="switch", active=True)
    waffle.get_waffle_sample_model().objects.create(name="sample", percent=50)
    asked = RequestFactory().get("/")
    asked.user, asked.LANGUAGE_CODE = AnonymousUser(), "es"
    text = {True: "true", False: "false"}
    with fewer.request("GET /waffle"):
        assert waffle.flag_is_active(asked, "all") is True
        half = text[waffle.flag_is_active(asked, "half")]
        assert waffle.flag_is_active(asked, "spanish") is True
        assert not waffle.flag_is_active(asked, "missing")
        assert waffle.switch_is_active("switch") is True
        sample = text[waffle.sample_is_active("sample")]
    flags = dict(all="true", half=half, spanish="true", missing="false", switch="true", sample=sample)
    assert counted.requests() == {endpoint("GET /waffle", **flags): (1, 0, 0)}
    assert counted.evaluations() == {
        ("flag:all", "true", 1): 1, ("flag:half", half, 4): 1, ("flag:spanish", "true", 3): 1,
        ("flag:missing", "false", 1): 1, ("flag:switch", "true", 1): 1, ("flag:sample", sample, 4): 1,
    }

"""Celery with a real worker over its in-memory broker, and eager tasks inside a request."""

import pytest
from conftest import endpoint
from test_web import now

import fewer

pytest.importorskip("celery")


@pytest.fixture(scope="module")
def app():
    from celery import Celery

    import fewer.celery

    app = Celery("shop", broker="memory://", backend="cache+memory://")
    app.conf.update(task_always_eager=False, worker_hijack_root_logger=False, broker_connection_retry_on_startup=False)
    assert fewer.celery.install(app) is app
    fewer.celery.install(app)

    @app.task(name="shop.thumbnail")
    def thumbnail(size):
        fewer.flag("codec", "fast", "split")
        if size < 0:
            raise ValueError("negative")
        return now()

    app.thumbnail = thumbnail
    return app


def test_worker(app, counted):
    from celery.contrib.testing.worker import start_worker

    with start_worker(app, perform_ping_check=False, pool="solo"):
        assert app.thumbnail.delay(1).get(timeout=20) == "celery:shop.thumbnail"
        with fewer.request("GET /upload"):
            fewer.flag("queue", "new", "split")
            assert app.thumbnail.delay(2).get(timeout=20) == "celery:shop.thumbnail"
        with pytest.raises(ValueError):
            app.thumbnail.delay(-1).get(timeout=20)
    sent = dict(endpoint("celery:shop.thumbnail", codec="fast", queue="new"), **{"fewer.caller": "GET /upload"})
    assert counted.requests() == {
        endpoint("celery:shop.thumbnail", codec="fast"): (2, 0, 1),
        tuple(sorted(sent.items())): (1, 0, 0),
        endpoint("GET /upload", queue="new"): (1, 0, 0),
    }
    assert counted.evaluations() == {("flag:codec", "fast", 4): 3, ("flag:queue", "new", 4): 1}


def test_eager_tasks_are_requests_of_their_own(app, counted):
    with fewer.request("GET /eager"):
        assert app.thumbnail.apply((1,)).get() == "celery:shop.thumbnail"
        assert now() == "GET /eager"
    assert counted.requests() == {
        endpoint("celery:shop.thumbnail", codec="fast"): (1, 0, 0),
        endpoint("GET /eager"): (1, 0, 0),
    }

"""The Celery application of the site, and its one task."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photos.settings")

from celery import Celery
from django.conf import settings

import fewer

from . import images, worklog

noted_flags = worklog.noted_flags

app = Celery("photos", broker=settings.BROKER, set_as_current=True)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    broker_pool_limit=2,
)
fewer.celery.install(app)


@app.task(name="photos.make_thumbnail")
def make_thumbnail(original, width, is_webp, noted):
    """Converts an upload into one of its widths. ``noted`` are the flags of the upload, for the site's own log."""
    with worklog.task("photos.make_thumbnail", noted):
        kind = images.WEBP if is_webp else images.JPEG
        images.keep_thumbnail(original, width, kind, images.convert(original, width, kind))

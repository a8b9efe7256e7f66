"""What `celery -A planted.worker` loads: Django first, then the tasks of the site and of the features."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planted.settings")

import django

django.setup()

from photos.tasks import app

from . import tasks

__all__ = ["app", "tasks"]

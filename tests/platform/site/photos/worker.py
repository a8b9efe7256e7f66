"""What `celery -A photos.worker` loads: Django first, then the tasks."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photos.settings")

import django

django.setup()

from .tasks import app

__all__ = ["app"]

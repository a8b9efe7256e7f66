"""The site's settings with the features in them."""

import os

from photos.settings import *  # noqa: F403
from photos.settings import INSTALLED_APPS, MIDDLEWARE

ROOT_URLCONF = "planted.urls"
WSGI_APPLICATION = "planted.wsgi.application"
INSTALLED_APPS = [*INSTALLED_APPS, "planted.apps.Features"]

# The site's own log knows the site's own views only; the features keep theirs, outermost too.
MIDDLEWARE = ["planted.stats.Middleware", *MIDDLEWARE[1:], "planted.middleware.Middleware"]
STATS = os.environ.get("PLANTED_STATS", "")

# Badges wait for their drawings.
BADGES = False

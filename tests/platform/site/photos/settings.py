"""Django's settings. Everything that differs between runs comes from the environment that services.py makes."""

import os

SECRET_KEY = os.environ.get("PHOTOS_SECRET", "only for a site on loopback")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "photos.urls"
WSGI_APPLICATION = "photos.wsgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "waffle",
    "photos.apps.Photos",
]

# The log of exact costs is outermost, so that it holds what fewer measures and a little more.
MIDDLEWARE = [
    "photos.worklog.Middleware",
    "fewer.django.Middleware",
    "django.middleware.common.CommonMiddleware",
    "photos.viewer.Middleware",
    "waffle.middleware.WaffleMiddleware",
]

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "photos",
        "USER": "photos",
        "PASSWORD": os.environ.get("PHOTOS_DATABASE_PASSWORD", ""),
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("PHOTOS_DATABASE_PORT", ""),
        "CONN_MAX_AGE": 600,
    }
}

# Only waffle uses Django's cache; the site's own data goes through leases.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
WAFFLE_SECURE = False

# Host and port of memcached, the broker, and where files lie.
MEMCACHED = ("127.0.0.1", int(os.environ.get("PHOTOS_MEMCACHED_PORT", "0")))
BROKER = os.environ.get("PHOTOS_BROKER", "")
FILES = os.environ.get("PHOTOS_FILES", "")
WORKLOG = os.environ.get("PHOTOS_WORKLOG", "")

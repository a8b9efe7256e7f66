"""What gunicorn and uWSGI load before they fork."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photos.settings")
application = get_wsgi_application()

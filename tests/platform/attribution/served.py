"""The WSGI application that gunicorn and uWSGI run: ``/feed?variant=new&cpu_us=2000``."""

import os
from urllib.parse import parse_qs

import burning
import fewer
import fewer.wsgi

_log = burning.Log(os.environ["BURNING_LOG"])


def _application(environ, start_response):
    endpoint = environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]
    asked = parse_qs(environ["QUERY_STRING"])
    fewer.route(endpoint)
    burning.handle((endpoint, asked["variant"][0]), int(asked["cpu_us"][0]) * 1000, _log)
    _log.write()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"burnt\n"]


application = fewer.wsgi.Middleware(_application)

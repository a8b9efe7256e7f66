"""The site, whose requests look something up in the table and in the cache."""

import itertools

from photos.wsgi import application as site

from planted import table, templates

requests = itertools.count()


def application(environ, start_response):
    """One request."""
    number = next(requests)
    market = table.SETTINGS[f"market-{number % 50}"]
    environ["planted.limit"] = market["limit"] + len(templates.CACHE[f"page-{number % 20}"])
    return site(environ, start_response)

"""The site, whose requests read all of the table, a part each."""

import itertools

from photos.wsgi import application as site

from planted import table

PARTS = 20
requests = itertools.count()


def application(environ, start_response):
    """One request."""
    part = itertools.islice(table.SETTINGS.values(), next(requests) % PARTS, None, PARTS)
    environ["planted.read"] = sum(read(market) for market in part)
    return site(environ, start_response)


def read(market):
    """Touches everything in a record."""
    return sum(len(value) if isinstance(value, (str, list)) else 1 for value in [*market.values(), *market["features"]])

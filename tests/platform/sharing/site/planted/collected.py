"""The site, whose workers collect garbage now and then, as long-lived ones do."""

import gc
import itertools

from photos.wsgi import application as site

from planted import tree

COLLECT_EVERY = 25
requests = itertools.count(1)


def application(environ, start_response):
    """One request."""
    environ["planted.roots"] = len(tree.TREE)
    if next(requests) % COLLECT_EVERY == 0:
        gc.collect()
    return site(environ, start_response)

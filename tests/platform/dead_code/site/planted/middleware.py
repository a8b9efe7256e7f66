"""What is done around every request."""

import logging

from . import errors, housekeeping

log = logging.getLogger(__name__)


class Middleware:
    """Keeps house before a request, and says what was wrong after it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        housekeeping.tick()
        return self.get_response(request)

    def process_exception(self, request, error):
        """A view raised."""
        log.info("%s %s: %s", request.method, request.path, errors.describe(error))

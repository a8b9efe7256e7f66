"""What a worker does now and then, between requests."""

import fcntl
import gc
import itertools
import logging
import os
import resource
import time

from django.conf import settings

SWEEP_EVERY = 50
REPORT_EVERY = 300
WARM_UP_S = 60
PARTIAL_S = 3600

log = logging.getLogger(__name__)


class Worker:
    """What a worker knows of itself."""

    def __init__(self):
        self.requests = itertools.count(1)
        self.started_s = None
        self.is_warm = False
        self.lock = None


_worker = Worker()


def tick():
    """Another request begins."""
    number = next(_worker.requests)
    _worker.started_s = _worker.started_s or time.monotonic()
    if not _worker.is_warm and time.monotonic() - _worker.started_s >= WARM_UP_S:
        end_warm_up()
    if number % REPORT_EVERY == 0:
        report(number)
    if number % SWEEP_EVERY == 0 and leads():
        sweep()


def leads():
    """Whether this worker is the one that keeps house for all of them."""
    if _worker.lock is None:
        _worker.lock = open(os.path.join(settings.FILES, "leader.lock"), "w")
    try:
        fcntl.flock(_worker.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def end_warm_up():
    """What lives by now will live on: the collector need not walk it again and again."""
    _worker.is_warm = True
    gc.collect()
    gc.freeze()


def report(number):
    """Says how large the worker has become."""
    log.info("%d requests, %d kB", number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def sweep():
    """Removes uploads that were never finished."""
    for entry in os.scandir(settings.FILES):
        if entry.name.endswith(".part") and time.time() - entry.stat().st_mtime > PARTIAL_S:
            os.unlink(entry.path)


def reset_counters():
    """Begins to count anew, as if the worker had just started."""
    _worker.requests = itertools.count(1)
    _worker.is_warm = False
    gc.unfreeze()

"""What the tests of the taps share: the counters of this very process, read as the agent reads them."""

import os

import pytest

from reader import Process


class Counted:
    """Differences of the counters since the test began."""

    def __init__(self):
        self._process = Process(os.getpid())
        self._before = self._now()

    def _now(self):
        _, attributes = self._process.discover()
        header, slots, evaluations = self._process.counters(attributes)
        return header[5], slots, evaluations

    def requests(self):
        """{labels as sorted pairs: (requests, client errors, server errors)} of what was counted in this test."""
        faults, slots, _ = self._now()
        assert faults == self._before[0], "the SDK swallowed an error"
        found = {}
        for labels, counts in slots.items():
            before = self._before[1].get(labels, dict.fromkeys(counts, 0))
            change = tuple(counts[name] - before[name] for name in ("requests", "client_errors", "server_errors"))
            if change[0]:
                found[tuple(sorted((short(key), value) for key, value in labels))] = change
        return found

    def evaluations(self):
        """{(flag, variant, reason code): count} of this test."""
        _, _, evaluations = self._now()
        before = self._before[2]
        found = {key: count - before.get(key, 0) for key, count in evaluations.items()}
        return {(short(key), variant, code): n for (key, variant, code), n in found.items() if n}


def short(key):
    return key.replace("feature_flag.result.variant.", "flag:")


def endpoint(name, **flags):
    """The labels of an endpoint as ``Counted.requests`` names them."""
    return tuple(sorted([("endpoint", name)] + [("flag:" + key, value) for key, value in flags.items()]))


@pytest.fixture
def counted():
    import fewer
    from fewer import _core

    with fewer.request("test setup"):
        pass
    assert _core._get(None) is None
    yield Counted()
    assert _core._get(None) is None, "a context was left behind"

"""Epochs: only running moves a function's version, and other tools keep their places."""

import ctypes
import sys

import pytest

from fewer import _epoch, new_epoch

VERSION_OFFSETS = {12: 160, 13: 168}
VERSION_OFFSET = VERSION_OFFSETS.get(sys.version_info[1])
needs_monitoring = pytest.mark.skipif(VERSION_OFFSET is None, reason="needs sys.monitoring of a known layout")


def version(function):
    return ctypes.c_uint64.from_address(id(function.__code__) + VERSION_OFFSET).value


def ran(x):
    return x


def never(x):
    return x


@needs_monitoring
def test_only_what_runs_follows_an_epoch():
    for _ in range(3):
        before = version(ran), version(_epoch._epoch_begins)
        assert new_epoch()
        newest = version(_epoch._epoch_begins)
        assert newest > before[1]
        assert version(ran) == before[0]
        ran(1)
        assert version(ran) == newest
        assert version(never) == 0


@needs_monitoring
def test_other_tools_keep_their_places():
    monitoring = sys.monitoring
    heard = []
    for tool in _epoch._FREE_IDS:
        assert new_epoch()
        monitoring.use_tool_id(tool, "another tool")
    try:
        monitoring.register_callback(3, monitoring.events.PY_START, lambda code, _: heard.append(code.co_name))
        monitoring.set_events(3, monitoring.events.PY_START)
        assert not new_epoch()
        ran(1)
        monitoring.set_events(3, 0)
    finally:
        for tool in _epoch._FREE_IDS:
            assert monitoring.get_tool(tool) == "another tool"
            monitoring.free_tool_id(tool)
    assert "ran" in heard
    assert new_epoch() and [monitoring.get_tool(tool) for tool in _epoch._FREE_IDS] == [None, None]


@pytest.mark.skipif(hasattr(sys, "monitoring"), reason="has sys.monitoring")
def test_without_monitoring_there_are_no_epochs():
    assert not new_epoch()

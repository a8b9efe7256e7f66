"""Finds where this interpreter keeps the current context, without a table of versions.

Every offset is searched by identity (a word that equals a known address) inside objects whose size is known, so nothing
unmapped is touched. Then the whole walk is done with the found offsets over contexts of several sizes and must end at the
right objects. Anything unexpected ends calibration: nothing is published rather than something guessed.
"""

from __future__ import annotations

import gc
import struct
import sys
import sysconfig
from contextvars import Context, ContextVar
from typing import Any, Callable, Dict, List, NamedTuple, Set

SCHEMA = "cpython_contextvar_v1_dev"

# Inside HAMT nodes. The same in every CPython from 3.7 on; the trial walk below checks them.
BITMAP_OFFSET = 24
PAIRS_OFFSET = 32
CHILDREN_OFFSET = 16

_THREAD_STATE_BYTES = 256
_MAX_LEVELS = 8


class CalibrationError(Exception):
    """This interpreter does not look as expected; the message says where."""


class Layout(NamedTuple):
    """Addresses and offsets in the order in which a reader needs them."""

    contextvar_addr: int
    var_hash: int
    var_hash32: int
    tstate_context_off: int
    context_vars_off: int
    hamt_root_off: int
    bytes_data_off: int
    bytes_type_addr: int
    bitmap_type_addr: int
    array_type_addr: int
    hamt_bitmap_off: int = BITMAP_OFFSET
    hamt_pairs_off: int = PAIRS_OFFSET
    hamt_children_off: int = CHILDREN_OFFSET


def calibrate(variable: "ContextVar[Any]") -> Layout:
    """The layout that leads from a thread state to the value of ``variable``, or CalibrationError."""
    if sys.implementation.name != "cpython":
        raise CalibrationError(f"{sys.implementation.name} is not CPython")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CalibrationError("free-threaded builds are not supported")
    if struct.calcsize("P") != 8:
        raise CalibrationError("pointers are not 64 bits wide")
    try:
        import ctypes
    except ImportError as error:
        raise CalibrationError("this build has no ctypes") from error
    layout = _find(variable, ctypes)
    _try_out(layout, ctypes)
    return layout


def folded_hash(full_hash: int) -> int:
    """The 32 bits of a hash that the HAMT uses."""
    folded = (full_hash ^ (full_hash >> 32)) & 0xFFFFFFFF
    return 0xFFFFFFFE if folded == 0xFFFFFFFF else folded


def _find(variable: "ContextVar[Any]", ctypes: Any) -> Layout:
    small, large = _context_with(1), _context_with(40)
    small_trie, large_trie = _only_referent(small), _only_referent(large)
    small_root, large_root = _only_referent(small_trie), _only_referent(large_trie)
    if type(small_root) is type(large_root):
        raise CalibrationError("small and large contexts have the same kind of root node")
    state_offsets = [
        context.run(_offsets_of, _thread_state(ctypes), _THREAD_STATE_BYTES, id(context), ctypes)
        for context in (small, large, Context())
    ]
    return Layout(
        contextvar_addr=id(variable),
        var_hash=hash(variable),
        var_hash32=folded_hash(hash(variable)),
        tstate_context_off=_common(state_offsets, "the context in the thread state"),
        context_vars_off=_common([_in(small, small_trie, ctypes), _in(large, large_trie, ctypes)], "the context's trie"),
        hamt_root_off=_common([_in(small_trie, small_root, ctypes), _in(large_trie, large_root, ctypes)], "the root"),
        bytes_data_off=_bytes_data_offset(ctypes),
        bytes_type_addr=id(bytes),
        bitmap_type_addr=id(type(small_root)),
        array_type_addr=id(type(large_root)),
    )


def _try_out(layout: Layout, ctypes: Any) -> None:
    """Walks as a profiler would, but follows only pointers that are known to be objects of the trie."""
    for size in (1, 2, 5, 16, 17, 40, 200):
        variables: "List[ContextVar[Any]]" = [ContextVar(f"fewer.calibration.{index}") for index in range(size)]
        context = Context()
        values = {variable: b"value %d" % index for index, variable in enumerate(variables)}
        for variable, value in values.items():
            context.run(variable.set, value)
        for variable, value in list(values.items())[:: max(size // 16, 1)]:
            found = context.run(_walk, layout, variable, context, ctypes)
            if found != id(value):
                raise CalibrationError(f"a trial walk over {size} variables did not end at the value")
            if ctypes.string_at(found + layout.bytes_data_off, len(value)) != value:
                raise CalibrationError("a trial walk did not find the bytes of the value")


def _walk(layout: Layout, variable: "ContextVar[Any]", context: Context, ctypes: Any) -> int:
    known = _reachable(context)
    word: Callable[[int], int] = lambda address: int.from_bytes(ctypes.string_at(address, 8), sys.byteorder)

    def follow(address: int) -> int:
        target = word(address)
        if target not in known:
            raise CalibrationError("a trial walk met an unknown pointer")
        return target

    context_address = follow(_thread_state(ctypes) + layout.tstate_context_off)
    node = follow(follow(context_address + layout.context_vars_off) + layout.hamt_root_off)
    bits = folded_hash(hash(variable))
    for _ in range(_MAX_LEVELS):
        step = bits & 31
        bits >>= 5
        kind = id(type(known[node]))
        if kind == layout.array_type_addr:
            node = follow(node + layout.hamt_children_off + 8 * step)
        elif kind == layout.bitmap_type_addr:
            bitmap = word(node + layout.hamt_bitmap_off) & 0xFFFFFFFF
            if not bitmap >> step & 1:
                raise CalibrationError("a trial walk did not find the variable's bit")
            position = bin(bitmap & ((1 << step) - 1)).count("1")
            pair = node + layout.hamt_pairs_off + 16 * position
            if word(pair) == id(variable):
                return follow(pair + 8)
            node = follow(pair + 8)
        else:
            return id(_lookup(context, variable))
    raise CalibrationError("a trial walk did not end")


def _lookup(context: Context, variable: "ContextVar[Any]") -> Any:
    """A collision node ends the trial: two of our own variables with one hash are chance, not an unknown layout."""
    return context[variable]


def _reachable(context: Context) -> Dict[int, Any]:
    known: Dict[int, Any] = {}
    waiting: List[Any] = [context]
    while waiting:
        found = waiting.pop()
        if id(found) not in known:
            known[id(found)] = found
            if type(found) is Context or type(found).__name__.startswith("hamt"):
                waiting.extend(gc.get_referents(found))
    return known


def _context_with(size: int) -> Context:
    context = Context()
    for index in range(size):
        variable: "ContextVar[int]" = ContextVar(f"fewer.calibration.{index}")
        context.run(variable.set, index)
    return context


def _only_referent(owner: Any) -> Any:
    referents = gc.get_referents(owner)
    if len(referents) != 1:
        raise CalibrationError(f"a {type(owner).__name__} refers to {len(referents)} objects where one was expected")
    return referents[0]


def _thread_state(ctypes: Any) -> int:
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    address = get()
    if not address:
        raise CalibrationError("there is no thread state")
    return int(address)


def _in(owner: Any, target: Any, ctypes: Any) -> List[int]:
    return _offsets_of(id(owner), sys.getsizeof(owner), id(target), ctypes)


def _offsets_of(start: int, size: int, value: int, ctypes: Any) -> List[int]:
    count = size // 8
    words = struct.unpack(f"={count}Q", ctypes.string_at(start, count * 8))
    return [8 * index for index, word in enumerate(words) if word == value]


def _common(candidates: List[List[int]], what: str) -> int:
    common: Set[int] = set(candidates[0]).intersection(*candidates[1:])
    if len(common) != 1:
        raise CalibrationError(f"{what} was found at {len(common)} offsets where one was expected")
    return common.pop()


def _bytes_data_offset(ctypes: Any) -> int:
    offset = bytes.__basicsize__ - 1
    for sample in (b"fewer calibration", bytes(range(256))):
        if ctypes.string_at(id(sample) + offset, len(sample)) != sample:
            raise CalibrationError("the data of a bytes object is not where its type says")
    return offset

"""The counters page: exact counts per record, in memory that a profiler reads from outside.

The page is private and anonymous, and the kernel wipes it in a forked child (MADV_WIPEONFORK). So the first word tells
a new child from its parent without a system call, also where C code forked behind Python's back (uWSGI).
The layout is written down in LAYOUT.md; ``SCHEMA`` names its version.
"""

from __future__ import annotations

import _thread
import mmap
import os
import sys
import time
from typing import Dict, Tuple

SCHEMA = 2
MAGIC = int.from_bytes(b"FEWERCNT", "little")

SLOTS = 4096
SLOT_WORDS = 8
EVALUATIONS = 1024
EVALUATION_WORDS = 4
HEADER_WORDS = 8
FIRST_EVALUATION = HEADER_WORDS + SLOTS * SLOT_WORDS
WORDS = FIRST_EVALUATION + EVALUATIONS * EVALUATION_WORDS

# Header words.
WORD_MAGIC = 0
WORD_PID = 1
WORD_SLOTS = 2
WORD_OVERFLOWED = 3
WORD_CUT = 4
WORD_FAULTS = 5
WORD_EVALUATIONS = 6
WORD_MEASURES = 7

# Words of a slot.
RECORD = 0
REQUESTS = 1
CPU_NS = 2
MEASURED = 3
INSTRUCTIONS = 4
CLIENT_ERRORS = 5
SERVER_ERRORS = 6

# Words of an evaluation; its word 0 is a record, as in a slot.
COUNT = 1
REASON = 2

MEASURES_CPU = 1
MEASURES_INSTRUCTIONS = 2

_MADV_WIPEONFORK = 18


def increments_are_atomic() -> bool:
    """Whether ``words[i] += n`` loses nothing between threads without a lock.

    CPython 3.10 and later switch threads only at calls and backward jumps; there is neither inside that statement.
    """
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return sys.implementation.name == "cpython" and sys.version_info >= (3, 10) and has_gil


class Page:
    """One mapping for the life of the process; ``words`` and ``slots`` are never replaced, so they may be cached.

    ``slot`` and ``evaluation`` change structure: their callers hold the SDK's lock.
    """

    def __init__(self, measures: int) -> None:
        self._memory = mmap.mmap(-1, WORDS * 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.words = memoryview(self._memory).cast("Q")
        self.slots: Dict[bytes, int] = {}
        self.lock = None if increments_are_atomic() else _thread.allocate_lock()
        self._evaluations: Dict[Tuple[bytes, int, int], int] = {}
        self._measures = measures
        self._revivers: Dict[int, object] = {}
        self.wiped_on_fork = self._ask_for_wipe()
        self._start()

    def address(self) -> int:
        """Where the page is in this process."""
        import ctypes

        return ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def is_new_child(self) -> bool:
        """Whether this process was forked since the page was last started."""
        return self.words[WORD_MAGIC] != MAGIC

    def revive(self) -> bool:
        """Starts the page anew in a forked child; False when another thread of the child is doing it.

        Evaluations counted since the fork are kept: their words do not move.
        """
        me = object()
        if self._revivers.setdefault(os.getpid(), me) is not me:
            for _ in range(1000):
                if not self.is_new_child():
                    break
                time.sleep(0.0001)
            return False
        if self.lock is not None:
            self.lock = _thread.allocate_lock()
        self.slots.clear()
        self._start()
        self._revivers.clear()
        return True

    def clear(self) -> None:
        """Does what the kernel does at a fork, where the kernel cannot."""
        if not self.wiped_on_fork:
            self._memory[:] = bytes(WORDS * 8)

    def slot(self, record: bytes, address: int) -> int:
        """First word of the slot of a record. The address is written last: it makes the slot visible."""
        index = len(self.slots)
        word = HEADER_WORDS + index * SLOT_WORDS
        self.slots[record] = word
        self.words[WORD_SLOTS] = (index + 1) | SLOTS << 32
        self.words[word + RECORD] = address
        return word

    def evaluation(self, record: bytes, address: int, reason: int) -> int:
        """The word that counts evaluations of one flag to one variant for one reason."""
        row = (record, address, reason)
        index = self._evaluations.setdefault(row, len(self._evaluations))
        if index >= EVALUATIONS:
            del self._evaluations[row]
            return WORD_OVERFLOWED
        self._name_evaluation(index, row)
        return FIRST_EVALUATION + index * EVALUATION_WORDS + COUNT

    def add(self, word: int, amount: int = 1) -> None:
        """Adds to any word, whatever the interpreter."""
        lock = self.lock
        if lock is None:
            self.words[word] += amount
        else:
            with lock:
                self.words[word] += amount

    def _ask_for_wipe(self) -> bool:
        try:
            self._memory.madvise(_MADV_WIPEONFORK)
        except (AttributeError, OSError, ValueError):
            return False
        return True

    def _start(self) -> None:
        self.words[WORD_PID] = os.getpid()
        self.words[WORD_SLOTS] = SLOTS << 32
        self.words[WORD_MEASURES] = self._measures
        self.words[WORD_EVALUATIONS] = EVALUATIONS << 32
        for row, index in self._evaluations.items():
            self._name_evaluation(index, row)
        self.words[WORD_MAGIC] = MAGIC

    def _name_evaluation(self, index: int, row: Tuple[bytes, int, int]) -> None:
        _, address, reason = row
        word = FIRST_EVALUATION + index * EVALUATION_WORDS
        self.words[word + REASON] = reason
        self.words[WORD_EVALUATIONS] = max(self.words[WORD_EVALUATIONS], (index + 1) | EVALUATIONS << 32)
        self.words[word + RECORD] = address

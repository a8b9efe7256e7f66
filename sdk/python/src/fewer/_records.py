"""Interned context records.

A record is an immutable ``bytes`` object in the layout of OTEP 4947: a 28-byte header and then
``(key index u8, length u8, UTF-8 value)`` attributes. Every distinct label set has exactly one record, which lives as
long as the process, so a profiler may follow a pointer to it at any moment without finding freed or torn memory.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

HEADER = struct.Struct("=16s8sBBH")

MAX_ATTRIBUTES_BYTES = 612
MAX_FLAG_KEYS = 200
MAX_FLAGS = 32
MAX_FLAG_KEY_BYTES = 128
MAX_LABEL_BYTES = 255
MAX_RECORDS = 4096
MAX_VARIANTS = 20
MAX_VARIANT_BYTES = 32

KEY_ENDPOINT = 0
KEY_OVERFLOW = 1
KEY_CALLER = 2
FIXED_KEYS = ("endpoint", "fewer.overflow", "fewer.caller")
FLAG_PREFIX = "feature_flag.result.variant."

EMPTY = "(empty)"
OTHER_ENDPOINT = b"_other"
OTHER_VARIANT = b"_other"

REASONS = {
    "static": 1,
    "default": 2,
    "targeting_match": 3,
    "split": 4,
    "cached": 5,
    "disabled": 6,
    "unknown": 7,
    "stale": 8,
    "error": 9,
}

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class Labels(NamedTuple):
    """What one record says; flags are (key index, variant) in order of key index."""

    endpoint: bytes
    caller: bytes = b""
    flags: Tuple[Tuple[int, bytes], ...] = ()
    overflow: bool = False


class Records:
    """The label sets seen so far. Callers hold the SDK's lock around every method."""

    def __init__(self, on_cut: Callable[[], None], on_overflow: Callable[[], None]) -> None:
        self.keys: List[str] = list(FIXED_KEYS)
        self._key_index: Dict[str, int] = {}
        self._records: Dict[Labels, bytes] = {}
        self._labels: Dict[bytes, Labels] = {}
        self._evaluations: Dict[Tuple[int, bytes], bytes] = {}
        self._variants: Dict[int, Set[bytes]] = {}
        self._endpoints: Set[Tuple[bytes, bytes]] = set()
        self._reserved = 0
        self._on_cut = on_cut
        self._on_overflow = on_overflow
        self._fallback = self._store(Labels(OTHER_ENDPOINT, overflow=True))

    def __len__(self) -> int:
        return len(self._records)

    def labels(self, record: bytes) -> Labels:
        """The labels of a record that this object made."""
        return self._labels[record]

    def endpoint(self, endpoint: Any, caller: Any = None) -> bytes:
        """The record of an endpoint without flags."""
        return self._of_endpoint(Labels(self._label(endpoint), self._label(caller) if caller else b""))

    def with_endpoint(self, record: bytes, endpoint: Any) -> bytes:
        """The same context under another endpoint: a route became known while the request ran."""
        labels = self._labels[record]._replace(endpoint=self._label(endpoint))
        plain = self._of_endpoint(Labels(labels.endpoint, labels.caller))
        return plain if plain is self._fallback else self._intern(labels)

    def with_flag(self, record: bytes, key_index: int, variant: bytes) -> bytes:
        """The record after a flag was evaluated; the last variant of a flag counts."""
        labels = self._labels[record]
        if labels.overflow:
            return record
        flags = dict(labels.flags)
        flags[key_index] = variant
        return self._intern(labels._replace(flags=tuple(sorted(flags.items()))))

    def overflowed(self, record: bytes) -> bytes:
        """The record that says "more was evaluated than the caps let me say"."""
        labels = self._labels[record]
        return self._intern(labels._replace(flags=(), overflow=True))

    def flag_key(self, key: Any) -> Optional[int]:
        """Index of a flag key in the key map, or None when the map is full."""
        name = FLAG_PREFIX + self._text(key, MAX_FLAG_KEY_BYTES).decode()
        index = self._key_index.get(name)
        if index is None:
            if len(self._key_index) >= MAX_FLAG_KEYS:
                self._on_overflow()
                return None
            index = len(self.keys)
            self.keys.append(name)
            self._key_index[name] = index
        return index

    def variant(self, key_index: int, variant: Any) -> bytes:
        """A bounded variant: at most 32 bytes and at most 20 different ones per flag."""
        seen = self._variants.setdefault(key_index, set())
        text = self._text(variant, MAX_VARIANT_BYTES)
        if text not in seen:
            if len(seen) >= MAX_VARIANTS:
                self._on_overflow()
                return OTHER_VARIANT
            seen.add(text)
        return text

    def evaluation(self, key_index: int, variant: bytes) -> bytes:
        """A record of this single flag, for the table of evaluations."""
        found = self._evaluations.get((key_index, variant))
        if found is None:
            found = self._evaluations[(key_index, variant)] = encode([(key_index, variant)])
        return found

    def _of_endpoint(self, labels: Labels) -> bytes:
        """Interns an endpoint and keeps room for its overflow record, so that one can always be made."""
        name = (labels.endpoint, labels.caller)
        if name not in self._endpoints:
            if len(self._records) + self._reserved + 2 > MAX_RECORDS:
                self._on_overflow()
                return self._fallback
            self._endpoints.add(name)
            self._reserved += 1
            return self._store(labels)
        return self._records[labels]

    def _intern(self, labels: Labels) -> bytes:
        found = self._records.get(labels)
        if found is not None:
            return found
        if labels.overflow:
            self._reserved -= 1
            return self._store(labels)
        size = sum(2 + len(value) for _, value in _attributes(labels))
        full = len(self._records) + self._reserved + 1 > MAX_RECORDS
        if full or len(labels.flags) > MAX_FLAGS or size > MAX_ATTRIBUTES_BYTES:
            self._on_overflow()
            return self._intern(labels._replace(flags=(), overflow=True))
        return self._store(labels)

    def _store(self, labels: Labels) -> bytes:
        record = encode(_attributes(labels))
        self._records[labels] = record
        self._labels[record] = labels
        return record

    def _label(self, value: Any) -> bytes:
        return self._text(value, MAX_LABEL_BYTES)

    def _text(self, value: Any, limit: int) -> bytes:
        encoded, cut = bounded_text(value, limit)
        if cut:
            self._on_cut()
        return encoded


def encode(attributes: List[Tuple[int, bytes]]) -> bytes:
    """Header with zero trace and span id, valid = 1, and the attributes."""
    data = b"".join(bytes((key, len(value))) + value for key, value in attributes)
    return HEADER.pack(b"", b"", 1, 0, len(data)) + data


def bounded_text(value: Any, limit: int) -> Tuple[bytes, bool]:
    """UTF-8 of any value, at most ``limit`` bytes, cut between characters; and whether something was cut."""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[: limit + 1]).decode("utf-8", "replace")
    elif value is None:
        value = ""
    elif not isinstance(value, str):
        value = str(value)
    # A character takes one byte at least, so nothing behind this point can be kept.
    head = _LONE_SURROGATES.sub("\ufffd", value[: limit + 1]) or EMPTY
    encoded = head.encode("utf-8")
    if len(encoded) <= limit:
        return encoded, False
    return encoded[:limit].decode("utf-8", "ignore").encode("utf-8"), True


def variant_text(value: Any) -> str:
    """A label for a flag's value: booleans and numbers as they read, anything else as a short hash."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value_hash(value)


def value_hash(value: Any) -> str:
    """Names a value that may be large or private without showing it."""
    return "#" + hashlib.sha256(repr(value).encode("utf-8", "replace")).hexdigest()[:8]


def reason_code(reason: Any) -> int:
    """The number of an OpenFeature reason, given as text or as an enumeration, in any case."""
    return REASONS.get(str(getattr(reason, "value", reason)).lower(), REASONS["unknown"])


def _attributes(labels: Labels) -> List[Tuple[int, bytes]]:
    attributes = [(KEY_ENDPOINT, labels.endpoint)]
    if labels.caller:
        attributes.append((KEY_CALLER, labels.caller))
    if labels.overflow:
        attributes.append((KEY_OVERFLOW, b"1"))
    attributes.extend(labels.flags)
    return attributes

"""The discovery mapping: how a profiler outside finds the context variable and the counters.

A private mapping of a memory file named FEWER_CTX with the header of OTEP 4719: signature, version, payload size, time
of publication (zero while it changes), payload address. The payload is the ProcessContext message of that OTEP, encoded
here by hand because it needs five field kinds only. The mapping is not inherited by forked children and must not be touched there.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from typing import Any, Dict, List, Union

VERSION = 1
SIGNATURE = b"FEWERCTX"
NAME = "FEWER_CTX"
MAX_PAYLOAD_BYTES = 65_536

OTEL_VERSION = 2
OTEL_SIGNATURE = b"OTEL_CTX"
OTEL_NAME = "OTEL_CTX"

_HEADER = struct.Struct("=8sIIQQ")
_PUBLISHED_AT = 16
_PAYLOAD_OFFSET = 64
_MAPPING_BYTES = -(-(_PAYLOAD_OFFSET + MAX_PAYLOAD_BYTES) // mmap.PAGESIZE) * mmap.PAGESIZE

_MFD_CLOEXEC = 1
_MFD_ALLOW_SEALING = 2
_MFD_NOEXEC_SEAL = 8
_MADV_DONTFORK = 10
_PR_SET_VMA = 0x53564D41
_PR_SET_VMA_ANON_NAME = 0

Value = Union[str, int, List[str]]


class Mapping:
    """One published mapping of this process. After a fork the child drops the object without touching the memory."""

    def __init__(self, name: str, signature: bytes, version: int) -> None:
        import ctypes

        self._ctypes = ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._name = name.encode()
        self._head = signature, version
        self._address = self._map(name)

    def publish(self, payload: bytes) -> None:
        """Makes a payload readable from outside, in place of the one before."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"payload has {len(payload)} bytes, the limit is {MAX_PAYLOAD_BYTES}")
        payload_address = self._address + _PAYLOAD_OFFSET
        signature, version = self._head
        self._store(self._address + _PUBLISHED_AT, bytes(8))
        self._store(payload_address, payload)
        self._store(self._address, _HEADER.pack(signature, version, len(payload), 0, payload_address))
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._store(self._address + _PUBLISHED_AT, struct.pack("=Q", now_ns))
        self._name_it()

    def _store(self, address: int, data: bytes) -> None:
        # A foreign call is a compiler fence, and one that a reader of a running process can rely on: the kernel's
        # read of our memory orders against whole system calls, and a torn change shows in the time of publication.
        self._ctypes.memmove(address, data, len(data))

    def _map(self, name: str) -> int:
        ctypes = self._ctypes
        fd = _memory_file(name)
        flags = mmap.MAP_PRIVATE | (mmap.MAP_ANONYMOUS if fd < 0 else 0)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
        try:
            address = self._libc.mmap(None, _MAPPING_BYTES, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, 0)
        finally:
            if fd >= 0:
                os.close(fd)
        if address in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), "cannot map the discovery page")
        if self._libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(_MAPPING_BYTES), _MADV_DONTFORK) != 0:
            raise OSError(ctypes.get_errno(), "cannot keep the discovery page out of children")
        return int(address)

    def _name_it(self) -> None:
        # Kernels without support for names refuse; then the name of the memory file has to do.
        ctypes = self._ctypes
        start, size = ctypes.c_ulong(self._address), ctypes.c_ulong(_MAPPING_BYTES)
        self._libc.prctl(_PR_SET_VMA, ctypes.c_ulong(_PR_SET_VMA_ANON_NAME), start, size, ctypes.c_char_p(self._name))


def fewer_mapping() -> Mapping:
    """A new, empty FEWER_CTX mapping."""
    return Mapping(NAME, SIGNATURE, VERSION)


def otel_mapping() -> Mapping:
    """A new, empty OTEL_CTX mapping; the caller has checked that the process has none."""
    return Mapping(OTEL_NAME, OTEL_SIGNATURE, OTEL_VERSION)


def otel_is_published() -> bool:
    """Whether this process already has an OTEL_CTX mapping: there must be one at most."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        return any(OTEL_NAME in line for line in maps)


def payload(resource: Dict[str, Value], attributes: Dict[str, Value]) -> bytes:
    """ProcessContext { Resource resource = 1; repeated KeyValue attributes = 2; }"""
    entries = b"".join(_field(2, _key_value(key, value)) for key, value in attributes.items())
    described = b"".join(_field(1, _key_value(key, value)) for key, value in resource.items())
    return _field(1, described) + entries


def _key_value(key: str, value: Value) -> bytes:
    return _field(1, key.encode("utf-8", "replace")) + _field(2, _any_value(value))


def _any_value(value: Value) -> bytes:
    """AnyValue: string_value = 1, int_value = 3, array_value = 5 { repeated AnyValue values = 1 }."""
    if isinstance(value, str):
        return _field(1, value.encode("utf-8", "replace"))
    if isinstance(value, int):
        return _varint(3 << 3) + _varint(value & (1 << 64) - 1)
    return _field(5, b"".join(_field(1, _any_value(item)) for item in value))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _memory_file(name: str) -> int:
    """A memory file of the mapping's size, or -1 where there are none."""
    create: Any = getattr(os, "memfd_create", None)
    if create is None:
        return -1
    flags = _MFD_CLOEXEC | _MFD_ALLOW_SEALING
    for attempt in (flags | _MFD_NOEXEC_SEAL, flags):
        try:
            fd = create(name, attempt)
        except OSError:
            continue
        os.ftruncate(fd, _MAPPING_BYTES)
        return int(fd)
    return -1


def resource_of(environment: Dict[str, str]) -> Dict[str, str]:
    """The service's own description, from the variables that OpenTelemetry defines."""
    described: Dict[str, str] = {}
    for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")[:8192].split(","):
        key, equals, value = pair.partition("=")
        if equals and key.strip():
            described[key.strip()] = value.strip()
    if environment.get("OTEL_SERVICE_NAME"):
        described["service.name"] = environment["OTEL_SERVICE_NAME"][:255]
    return described

"""memcached through leases, in its meta protocol: of all who miss a key, one computes it.

``mg KEY v c N30`` on a missing key leaves an empty item there and answers ``W`` to the first who asks: the lease.
Others get ``Z`` and an empty value: somebody is at it. The winner stores with the item's ``c``, its CAS value; when the
key was invalidated meanwhile, that value has changed and the store is refused, so what is out of date never gets in.
``md KEY I T60`` keeps the old value as stale, for all but the next winner.
"""

import socket
import time

LEASE_S = 30
EARLY_S = 5
STALE_S = 60
WAIT_S = 0.005
WAITS = 10
MAX_VALUE_BYTES = 1_000_000


class Leases:
    """One connection. A broken one is dropped, and the value computed, since a cache may always be absent."""

    def __init__(self, address):
        self._address = address
        self._stream = None

    def fetch(self, key, ttl_s, compute):
        """The value of ``key``, computed and stored by whoever holds the lease."""
        for _ in range(WAITS):
            value, flags = self._ask(key)
            if b"W" in flags:
                return self._fill(key, ttl_s, flags.get(b"c", b"0"), compute)
            if value:
                return value
            if b"Z" not in flags:
                break
            time.sleep(WAIT_S)
        return compute()

    def invalidate(self, key):
        """Marks a value as stale; readers get it until the next lease holder has stored a new one."""
        self._command(b"md %s I T%d\r\n" % (key.encode(), STALE_S))

    def _fill(self, key, ttl_s, cas, compute):
        value = compute()
        if 0 < len(value) <= MAX_VALUE_BYTES:
            head = b"ms %s %d T%d C%s\r\n" % (key.encode(), len(value), ttl_s, cas)
            self._command(head + value + b"\r\n")
        return value

    def _ask(self, key):
        """Value and flags of a key; both are empty when memcached does not answer."""
        return self._command(b"mg %s v c N%d R%d\r\n" % (key.encode(), LEASE_S, EARLY_S))

    def _command(self, command):
        try:
            stream = self._stream or self._connect()
            stream.write(command)
            stream.flush()
            return _reply(stream)
        except OSError:
            self._stream = None
            return b"", {}

    def _connect(self):
        connection = socket.create_connection(self._address, timeout=2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = connection.makefile("rwb")
        connection.close()
        return self._stream


def _reply(stream):
    line = stream.readline().split()
    if not line:
        raise OSError("memcached closed the connection")
    if line[0] != b"VA":
        return b"", {}
    value = stream.read(int(line[1]) + 2)[:-2]
    return value, {word[:1]: word[1:] for word in line[2:]}

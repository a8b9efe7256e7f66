"""An independent reader: finds labels and counts of another process from what it publishes, as the agent does.

It shares no code with the package. Memory is read through /proc/PID/mem; nothing is stopped.
"""

import os
import struct


class Process:
    """One process that runs the SDK."""

    def __init__(self, pid):
        self.pid = pid
        self._memory = os.open("/proc/%d/mem" % pid, os.O_RDONLY)

    def close(self):
        os.close(self._memory)

    def read(self, address, size):
        data = os.pread(self._memory, size, address)
        if len(data) != size:
            raise OSError("short read at %#x" % address)
        return data

    def word(self, address):
        return struct.unpack("=Q", self.read(address, 8))[0]

    def mappings(self, name):
        """Start addresses of mappings with this name."""
        wanted = ("/memfd:%s" % name, "/memfd:%s (deleted)" % name, "[anon_shmem:%s]" % name, "[anon:%s]" % name)
        with open("/proc/%d/maps" % self.pid) as maps:
            lines = [line.rstrip("\n").split(None, 5) for line in maps]
        return [int(parts[0].split("-")[0], 16) for parts in lines if len(parts) == 6 and parts[5] in wanted]

    def discover(self, name="FEWER_CTX", signature=b"FEWERCTX", version=1):
        """(resource, attributes) of the only mapping, or None when there is none."""
        starts = self.mappings(name)
        if not starts:
            return None
        assert len(starts) == 1, starts
        for _ in range(3):
            found, kind, size, published, payload = struct.unpack("=8sIIQQ", self.read(starts[0], 32))
            assert (found, kind) == (signature, version)
            assert 1 <= size <= 65536
            data = self.read(payload, size)
            if published and self.word(starts[0] + 16) == published:
                return decode_process_context(data)
        raise AssertionError("the mapping kept changing")

    def record(self, layout, thread_state):
        """(outcome, record bytes) at this moment."""
        x = {key[len("fewer.cpython."):]: value for key, value in layout.items() if key.startswith("fewer.cpython.")}
        context = self.word(thread_state + x["tstate_context_off"])
        if not context:
            return "no context", None
        node = self.word(self.word(context + x["context_vars_off"]) + x["hamt_root_off"])
        bits = x["var_hash32"]
        for _ in range(8):
            step, bits = bits & 31, bits >> 5
            kind = self.word(node + 8)
            if kind == x["array_type_addr"]:
                node = self.word(node + x["hamt_children_off"] + 8 * step)
                if not node:
                    return "absent", None
            elif kind == x["bitmap_type_addr"]:
                bitmap = struct.unpack("=I", self.read(node + x["hamt_bitmap_off"], 4))[0]
                if not bitmap >> step & 1:
                    return "absent", None
                position = bin(bitmap & ((1 << step) - 1)).count("1")
                key, value = struct.unpack("=QQ", self.read(node + x["hamt_pairs_off"] + 16 * position, 16))
                if key == x["contextvar_addr"]:
                    return self._value(x, value)
                if key:
                    return "absent", None
                node = value
            else:
                pairs = struct.unpack("=16Q", self.read(node + x["hamt_pairs_off"], 128))
                for key, value in zip(pairs[::2], pairs[1::2]):
                    if key == x["contextvar_addr"]:
                        return self._value(x, value)
                return "absent", None
        return "too deep", None

    def _value(self, x, value):
        if self.word(value + 8) != x["bytes_type_addr"]:
            return "wrong type", None
        size = self.word(value + 16)
        data = self.read(value + x["bytes_data_off"], size)
        return "ok", data

    def labels(self, layout, thread_state):
        """(outcome, labels)."""
        outcome, record = self.record(layout, thread_state)
        return outcome, decode_record(record, layout["threadlocal.attribute_key_map"]) if record else None

    def record_at(self, address):
        header = self.read(address, 28)
        return header + self.read(address + 28, struct.unpack("=H", header[26:28])[0])

    def counters(self, attributes):
        """(header words, {labels: counts}, {(labels, reason): count}) of the counters page; None before the first count."""
        base = attributes["fewer.counters_addr"]
        header = struct.unpack("=8Q", self.read(base, 64))
        if header[0] != int.from_bytes(b"FEWERCNT", "little"):
            return None
        keys = attributes["threadlocal.attribute_key_map"]
        slots, evaluations = {}, {}
        names = "requests cpu_ns measured instructions client_errors server_errors".split()
        for index in range(header[2] & 0xFFFFFFFF):
            words = struct.unpack("=8Q", self.read(base + 64 + 64 * index, 64))
            if words[0]:
                labels = frozenset(decode_record(self.record_at(words[0]), keys).items())
                assert labels not in slots
                slots[labels] = dict(zip(names, words[1:7]))
        for index in range(header[6] & 0xFFFFFFFF):
            words = struct.unpack("=4Q", self.read(attributes["fewer.evaluations_addr"] + 32 * index, 32))
            if words[0]:
                labels = decode_record(self.record_at(words[0]), keys)
                ((key, variant),) = labels.items()
                evaluations[key, variant, words[2]] = words[1]
        return header, slots, evaluations


def decode_record(record, keys):
    """Labels of a record in the layout of OTEP 4947."""
    trace, span, valid, flags, size = struct.unpack("=16s8sBBH", record[:28])
    assert (trace, span, valid, flags) == (bytes(16), bytes(8), 1, 0)
    assert len(record) == 28 + size and size <= 612
    labels, position = {}, 28
    while position < len(record):
        index, length = record[position], record[position + 1]
        value = record[position + 2 : position + 2 + length]
        assert len(value) == length
        labels[keys[index]] = value.decode("utf-8")
        position += 2 + length
    return labels


def decode_process_context(data):
    """(resource, attributes) of a ProcessContext message."""
    resource, attributes = {}, {}
    for number, value in fields(data):
        if number == 1:
            resource.update(key_value(pair) for field, pair in fields(value) if field == 1)
        elif number == 2:
            key, decoded = key_value(value)
            attributes[key] = decoded
    return resource, attributes


def key_value(data):
    parts = dict(fields(data))
    return parts[1].decode(), any_value(parts[2])


def any_value(data):
    ((number, value),) = list(fields(data))
    if number == 1:
        return value.decode()
    if number == 3:
        return value - (1 << 64) if value >> 63 else value
    assert number == 5
    return [any_value(item) for field, item in fields(value) if field == 1]


def fields(data):
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        if tag & 7 == 0:
            value, position = varint(data, position)
        else:
            assert tag & 7 == 2
            size, position = varint(data, position)
            value = data[position : position + size]
            assert len(value) == size
            position += size
        yield tag >> 3, value


def varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7

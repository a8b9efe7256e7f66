"""Reads a pprof file: samples with the names of their functions, leaf first, their labels and their CPU time."""

import gzip
from typing import Dict, Iterator, List, NamedTuple, Tuple, Union


class Sample(NamedTuple):
    """One stack, what it cost and whose it was."""

    functions: Tuple[str, ...]
    labels: Dict[str, str]
    count: int
    cpu_ns: int


def read(path: str) -> List[Sample]:
    """All samples of a gzipped file."""
    with gzip.open(path) as file:
        profile = list(_fields(file.read()))
    strings = [value.decode("utf-8", "replace") for number, value in profile if number == 6]
    functions = {}
    for number, value in profile:
        if number == 5:
            fields = dict(_fields(value))
            functions[fields.get(1, 0)] = strings[fields.get(2, 0)]
    locations = {}
    for number, value in profile:
        if number == 4:
            fields = list(_fields(value))
            lines = [dict(_fields(line)) for key, line in fields if key == 4]
            locations[dict(fields).get(1, 0)] = [functions.get(line.get(1, 0), "") for line in lines]
    kinds = [strings[dict(_fields(value)).get(1, 0)] for number, value in profile if number == 1]
    return [_sample(value, kinds, strings, locations) for number, value in profile if number == 2]


def _sample(data: bytes, kinds: List[str], strings: List[str], locations: Dict[int, List[str]]) -> Sample:
    names: List[str] = []
    values: List[int] = []
    labels = {}
    for number, value in _fields(data):
        if number == 1:
            names += [name for location in _numbers(value) for name in locations.get(location, [])]
        elif number == 2:
            values += _numbers(value)
        elif number == 3:
            label = dict(_fields(value))
            labels[strings[label.get(1, 0)]] = strings[label.get(2, 0)]
    by_kind = dict(zip(kinds, values))
    return Sample(tuple(names), labels, by_kind.get("samples", 1), by_kind.get("cpu", 0))


def _numbers(value: Union[int, bytes]) -> List[int]:
    """A repeated number: packed, or one of them."""
    if isinstance(value, int):
        return [value]
    numbers = []
    position = 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(number)
    return numbers


def _fields(data: bytes) -> "Iterator[Tuple[int, Union[int, bytes]]]":
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(data, position)
        elif kind == 2:
            size, position = _varint(data, position)
            value, position = data[position : position + size], position + size
        else:
            raise ValueError(f"pprof has no field of wire type {kind}")
        yield key >> 3, value


def _varint(data: bytes, position: int) -> Tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, position

"""What fewer says of the planted functions, held against what is true. Each judge prints what it found."""

from pathlib import PurePath
from typing import Dict, Iterable, List, Tuple

import truth

ALLOWED = 0.2
Names = Dict[Tuple[str, str], str]


def names(by_module: Dict[str, Dict[str, str]]) -> Names:
    """Module and function, with what is told of them."""
    return {(module, function): why for module, found in by_module.items() for function, why in found.items()}


def of_row(row: dict) -> "set[Tuple[str, str]]":
    """Module and functions of a row; what is written within a function belongs to it."""
    functions = row.get("members") or [row["function"]]
    return {(PurePath(row["file"]).stem, function.split(".<locals>")[0]) for function in functions}


def is_planted(row: dict) -> bool:
    """Whether a row is about the features."""
    return PurePath(row["file"]).parent.name == "planted"


def states(title: str, rows: Iterable[dict], missing: "set[str]") -> bool:
    """Whether the rows in a state of `missing` are the dead functions and no others."""
    planted = [row for row in rows if is_planted(row)]
    found = {name for row in planted if row["state"] in missing for name in of_row(row)}
    dead, rare = names(truth.DEAD), names(truth.RARE)
    overlooked, wrong = sorted(set(dead) - found), sorted(found - set(dead))
    called = [name for name in rare if name not in found]
    off = {name for row in planted if row["state"] == "off" for name in of_row(row)}
    said = f", {len(off)} of them behind a flag that is off" if off else ""
    print(f"{title}: {len(dead) - len(overlooked)} of {len(dead)} dead functions found{said}; "
          f"{len(called)} of {len(rare)} rarely used ones are not among them, {len(wrong)} others are")
    for module, function in overlooked:
        told = [f"{row['state']}: {row.get('evidence')}" for row in planted if (module, function) in of_row(row)]
        print(f"  OVERLOOKED {module}.{function} ({dead[module, function]}): {'; '.join(told) or 'no row'}")
    for module, function in wrong:
        print(f"  WRONG {module}.{function} ({rare.get((module, function), 'called all the time')})")
    return not overlooked and not wrong


def wasted(rows: List[dict], log: truth.Log, seconds: float) -> bool:
    """Whether what runs for nothing comes first, in the order of its CPU, and with about the CPU that it takes.

    Cores are busy ones over so many seconds.
    """
    costs = [(at, row) for at, row in enumerate(rows) if row["state"] == "for_nothing" and row["cores"]]
    silent = next((at for at, row in enumerate(rows) if row["state"] != "for_nothing"), len(rows))
    print(f"for nothing, of {log.cpu_ns / 1e9:.1f} s of CPU in {log.requests} requests by the site's own log:")
    places, misses = [], 0
    for wanted in sorted(truth.WASTED, key=lambda wanted: -log.wasted_ns[wanted.part]):
        true_s = log.wasted_ns[wanted.part] / 1e9
        said = f"{wanted.part} ({wanted.why}): {true_s:.2f} s, {true_s * 1e9 / log.cpu_ns:.1%}, by the log"
        place, row = next(((at, row) for at, row in costs if is_of(row, wanted)), (silent, None))
        found_s = row["cores"][0] * seconds if row else 0.0
        is_good = row is not None and place < silent and abs(found_s / true_s - 1) <= ALLOWED
        off = found_s / true_s - 1
        print(f"  {place + 1}. {said}; {found_s:.2f} s by fewer ({off:+.0%})" + ("" if is_good else "  MISSED"))
        places.append(place)
        misses += not is_good
    for at, row in costs:
        if at not in places:
            # Asking for a flag that never varies is for nothing too, and so are imports; anything else is not true.
            is_wrong = not row["flag"] and row["sort"] != "unused_import"
            print(f"  {at + 1}. beside: {row['function']} ({row['file']}:{row['line']}), {row['cores'][0] * seconds:.2f} s: "
                  f"{row['evidence']}" + ("  WRONG" if is_wrong else ""))
            misses += is_wrong
    return misses == 0 and places == sorted(places)


def is_of(row: dict, wanted: truth.Wasted) -> bool:
    """Whether a row is about something that runs for nothing."""
    return is_planted(row) and any((wanted.module, function) in of_row(row) for function in wanted.functions)

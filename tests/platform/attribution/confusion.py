"""Prints what samples of workload.py say against what their stacks say.

    confusion.py RECORDING.pb.gz [--log FOLDER]

Rows are the truth: the endpoint and variant that a burn_… function on the stack stands for. Columns are the labels of
the same sample. Exits with 1 when less than 99 % of the samples are right, or when any says another request than its
stack: a label that is missing costs detail, one that is wrong costs trust.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Optional, Tuple

import pprof

NEEDED = 0.99
SAMPLES_AT_LEAST = 1000
FLAG = "feature_flag.result.variant.ranker"
NAME = re.compile(r"\bburn_(feed|search|like)_(plain|new)\b")
ENDPOINTS = {"feed": "GET /feed", "search": "GET /search", "like": "POST /like"}

Kind = Tuple[str, str]


def truth(sample: pprof.Sample) -> Optional[Kind]:
    """What the stack says; None for a sample outside of all burning."""
    for function in sample.functions:
        match = NAME.search(function)
        if match:
            return ENDPOINTS[match.group(1)], match.group(2)
    return None


def said(sample: pprof.Sample) -> Kind:
    """What the labels say."""
    return sample.labels.get("endpoint", "-"), sample.labels.get(FLAG, "-")


def contradicts(known: Kind, labels: Kind) -> bool:
    """Whether a label that is there says something else; a missing one says nothing."""
    return any(said not in ("-", true) for true, said in zip(known, labels))


def report(recording: str, log: Optional[Path], needed: float = NEEDED) -> bool:
    """Prints the table; whether enough of it is right."""
    samples = pprof.read(recording)
    cells: Counter = Counter()
    sources: Counter = Counter()
    for sample in samples:
        known = truth(sample)
        if known is not None:
            cells[known, said(sample)] += sample.count
            sources[sample.labels.get("fewer.label_source", "-")] += sample.count
    total = sum(cells.values())
    right = sum(count for (known, labels), count in cells.items() if known == labels)
    outside = sum(sample.count for sample in samples) - total
    columns = sorted({labels for _, labels in cells})
    print("  truth \\ label      " + "".join(f"{_short(column):>18}" for column in columns) + f"{'right':>9}")
    for known in sorted({known for known, _ in cells}):
        row = [cells[known, column] for column in columns]
        share = cells[known, known] / sum(row)
        print(f"  {_short(known):19}" + "".join(f"{count:18}" for count in row) + f"{share:9.2%}")
    if log is not None:
        _print_burnt(samples, log)
    wrong = sum(count for (known, labels), count in cells.items() if contradicts(known, labels))
    share = right / total if total else 0.0
    print(f"  {right} of {total} samples right = {share:.3%}, {wrong} wrong; {outside} outside of burning")
    print(f"  label_source {dict(sources)}")
    if total < SAMPLES_AT_LEAST:
        print(f"  too few samples to judge: {SAMPLES_AT_LEAST} are needed")
    return total >= SAMPLES_AT_LEAST and wrong == 0 and share >= needed


def _print_burnt(samples: "list[pprof.Sample]", log: Path) -> None:
    """The program's own clock beside the samples of its burning that carry the labels."""
    burnt: Counter = Counter()
    for path in log.glob("*.json"):
        for endpoint, variant, _, cpu_ns in json.loads(path.read_text()):
            burnt[endpoint, variant] += cpu_ns
    labelled: Counter = Counter()
    for sample in samples:
        if truth(sample) is not None:
            labelled[said(sample)] += sample.cpu_ns
    print(f"\n  {'':19}{'burnt s':>12}{'sampled s':>12}{'error':>9}")
    for kind, cpu_ns in sorted(burnt.items()):
        error = labelled[kind] / cpu_ns - 1
        print(f"  {_short(kind):19}{cpu_ns / 1e9:12.3f}{labelled[kind] / 1e9:12.3f}{error:+9.2%}")
    print()


def _short(kind: Kind) -> str:
    return f"{kind[0]} {kind[1]}"


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    return 0 if report(options.recording, options.log) else 1


if __name__ == "__main__":
    raise SystemExit(main())

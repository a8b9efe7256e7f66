"""What the benchmarks of targets share: what a process has for itself, and figures that are held against limits."""

import json


def own_kb(pid):
    """Memory that a process shares with nobody."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def tell(figures, limits, out=None):
    """Prints the figures, writes them to a file if one is given, and returns whether any is over its limit."""
    over = {name for name, limit in limits.items() if figures[name] > limit}
    for name, value in figures.items():
        limit = f"  at most {limits[name]}" if name in limits else ""
        print(f"{name:24} {value:>8}{limit}" + ("  OVER" if name in over else ""))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1) + "\n")
    return bool(over)

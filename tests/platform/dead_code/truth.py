"""What was planted: which functions are dead and why, which live ones are rarely called, and what runs for nothing."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

PLAIN = "nobody calls it"
OFF = "behind a switch that is off"
BY_DEAD = "only dead code calls it"
UNSENT = "a task that nobody sends"

# By module, in what way each is dead.
DEAD: Dict[str, Dict[str, str]] = {
    "audit": {"Trail.replay": PLAIN, "trail_csv": PLAIN},
    "badges": {"named": OFF, "animated": OFF, "leaderboard": PLAIN, "rank": BY_DEAD},
    "captions": {"translated": OFF, "strip_tags": PLAIN},
    "exports": {
        "Archive.add_video": PLAIN, "likes_jsonl": OFF, "likes_xml": PLAIN, "element": BY_DEAD, "attribute": BY_DEAD,
    },
    "housekeeping": {"reset_counters": PLAIN},
    "moderation": {"hidden": OFF, "review": BY_DEAD, "escalate": BY_DEAD},
    "searching": {"corrected": OFF, "semantic": OFF, "embedding": BY_DEAD},
    "stories": {"arranged": OFF, "ring": BY_DEAD, "tray_cursor": PLAIN, "cursor_text": BY_DEAD},
    "tasks": {
        "rebuild_palettes": UNSENT, "email_digest": UNSENT, "digest_body": BY_DEAD, "purge_originals": UNSENT,
        "index_captions": UNSENT,
    },
    "views": {"feed_v1": PLAIN},
}

# Each is called, and when.
RARE: Dict[str, Dict[str, str]] = {
    "captions": {"fallback": "one request", "shorten": "one request"},
    "errors": {"describe": "one request"},
    "exports": {"likes_csv": "one request", "likes_rows": "one request"},
    "housekeeping": {
        "end_warm_up": "once a worker, when its second minute begins",
        "report": "one request in 300",
        "sweep": "in the worker that holds a lock",
    },
    "searching": {"hint": "one request"},
    "tasks": {"dominant_colours": "in the worker of the queue"},
}

# The requests that call what is called in one request: method, path, further headers.
VISITS: List[Tuple[str, str, Dict[str, str]]] = [
    ("GET", "/members/7/export", {}),
    ("GET", "/search?q=", {}),
    ("GET", "/search?q=" + "+".join(["harbour"] * 9), {}),
    ("GET", "/feed", {"Accept-Language": "nb"}),
    ("POST", "/photos/999999999/like", {}),
]


class Wasted(NamedTuple):
    """Something that runs for nothing: its name in the log, why, and the functions that may be named for it."""

    part: str
    why: str
    module: str
    functions: Tuple[str, ...]
    is_repeated: bool = False


WASTED = [
    Wasted("captions.collation", "the same arguments again and again", "captions", ("collation", "localised"), True),
    Wasted("audit.note_feed", "serialised, then discarded", "audit", ("note_feed", "Trail.as_dict", "Trail.entries")),
    Wasted("stories.candidates", "for a flag that is off", "stories", ("candidates", "tray")),
    Wasted("badges.points", "before a return that always happens", "badges", ("points", "badge")),
    Wasted("searching.facets", "assigned and never read", "searching", ("facets", "grouped")),
]


class Log(NamedTuple):
    """What the features' own clock says of a time."""

    requests: int
    cpu_ns: float
    wasted_ns: Dict[str, float]


def read(folder: Path, start_s: float, end_s: float) -> Log:
    """The sums of the log between two times."""
    lines = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    lines = [line for line in lines if start_s <= line["at"] <= end_s]
    wasted_ns = {wasted.part: sum(_wasted_ns(line, wasted) for line in lines) for wasted in WASTED}
    return Log(len(lines), sum(line["cpu_ns"] for line in lines), wasted_ns)


def _wasted_ns(line: dict, wasted: Wasted) -> float:
    """Of what is repeated within a request, the first time is needed."""
    calls, cpu_ns = line["parts"].get(wasted.part, (0, 0))
    return cpu_ns * (calls - 1) / calls if wasted.is_repeated and calls else cpu_ns

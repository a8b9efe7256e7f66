"""What members were shown."""

import csv
import io
import json
from collections import Counter

from . import stats

shown = Counter()


class Trail:
    """What one member was shown at one time."""

    def __init__(self, member_id, photos):
        self.member_id = member_id
        self.photos = photos

    def entries(self):
        """One for each photo."""
        shown = [photo["pk"] for photo in self.photos]
        return [
            {
                "photo": photo["pk"], "by": photo["by"], "likes": photo["likes"],
                "words": Counter(photo["caption"].split()),
                "letters": [Counter(photo["caption"]), Counter(photo["by"])],
                "above": shown[:place], "below": shown[place + 1:],
            }
            for place, photo in enumerate(self.photos)
        ]

    def as_dict(self):
        """All of it."""
        return {"member": self.member_id, "entries": self.entries()}

    def replay(self):
        """The photos again, as the member saw them."""
        return sorted(self.photos, key=lambda photo: photo["likes"], reverse=True)


def note_feed(member_id, photos):
    """Notes what a member's feed showed."""
    with stats.timed("audit.note_feed"):
        json.dumps(Trail(member_id, photos).as_dict(), indent=2, sort_keys=True)
    shown[member_id] += len(photos)


def trail_csv(trail):
    """A trail as the archive wanted it until it took JSON."""
    out = io.StringIO()
    rows = csv.writer(out)
    for place, entry in enumerate(trail.entries()):
        rows.writerow([trail.member_id, entry["photo"], place])
    return out.getvalue()

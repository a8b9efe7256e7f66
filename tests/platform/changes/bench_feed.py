"""The site's own benchmark: what the feed computes, with flags as in production and candidates from memory.

    bench_feed.py SITE

Does the same work each time, and needs neither the database nor the cache.
"""

import json
import os
import random
import sys

MEMBERS = 600
CANDIDATES = 60


def main() -> None:
    """Makes the feed of each member."""
    sys.path.insert(0, sys.argv[1])
    os.environ["DJANGO_SETTINGS_MODULE"] = "photos.settings"
    from photos import flags, ranking

    flags.start()
    chance = random.Random(7)
    photos = [{"pk": chance.randrange(20_000), "likes": chance.randrange(500)} for _ in range(CANDIDATES)]
    text = json.dumps(photos)
    for member_id in range(MEMBERS):
        rank = ranking.by_interest if flags.new_ranker(member_id) else ranking.by_likes
        json.dumps(rank(member_id, json.loads(text))[:20])


if __name__ == "__main__":
    main()

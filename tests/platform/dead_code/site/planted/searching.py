"""What is made of the photos that a search found."""

import difflib
import itertools
from collections import Counter

from openfeature import api

from . import flags, stats

FACET_WORDS = 5
KNOWN = ("beach", "coffee", "harbour", "lake", "night", "rain", "sunset")

client = api.get_client(flags.DOMAIN)


def grouped(found, words, member_id):
    """What was found, best first."""
    if client.get_boolean_value("spelling", False, flags.member(member_id)):
        words = [corrected(word) for word in words]
    if flags.semantic_search(member_id):
        return semantic(found, words)
    with stats.timed("searching.facets"):
        groups = facets(found)
    return sorted(found, key=lambda photo: (-sum(word in photo["caption"] for word in words), -photo["likes"]))


def facets(found):
    """Which words stand together in captions, and how often."""
    counts = Counter()
    for photo in found:
        words = sorted(set(photo["caption"].split()))
        for size in range(2, FACET_WORDS + 1):
            counts.update(" ".join(chosen) for chosen in itertools.combinations(words, size))
    return counts.most_common(10)


def hint():
    """What to say to somebody who searches for nothing."""
    return "Try " + " or ".join(KNOWN[:3])


def corrected(word):
    """The word that was meant."""
    near = difflib.get_close_matches(word, KNOWN, n=1)
    return near[0] if near else word


def semantic(found, words):
    """What was found, by nearness in meaning."""
    meant = embedding(" ".join(words))
    return sorted(found, key=lambda photo: -sum(a * b for a, b in zip(meant, embedding(photo["caption"]))))


def embedding(text):
    """A text as a point among all texts."""
    point = [0.0] * 16
    for at, letter in enumerate(text):
        point[(ord(letter) + at) % 16] += 1.0
    return point

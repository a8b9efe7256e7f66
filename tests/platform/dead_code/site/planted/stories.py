"""The tray of stories above the feed."""

import base64

from openfeature import api

from . import flags, stats

TRAY = 8
LOOKED_AT = 13

client = api.get_client(flags.DOMAIN)


def tray(member_id, photos):
    """Stories for a member, made of what those post whom the member follows."""
    with stats.timed("stories.candidates"):
        ranked = candidates(photos)
    if client.get_boolean_value("story_tray", False, flags.member(member_id)):
        return arranged(ranked)
    return []


def candidates(photos):
    """Photos by how much their captions have in common with the others'."""
    sounds = [trigrams(photo["caption"]) for photo in photos[:LOOKED_AT]]
    common = [sum(len(own & other) / (len(own | other) or 1) for other in sounds) for own in sounds]
    return [photo for _, photo in sorted(zip(common, photos), key=lambda pair: pair[0], reverse=True)]


def trigrams(text):
    """Every three letters of a text that follow each other."""
    return {text[at:at + 3] for at in range(len(text) - 2)}


def arranged(ranked):
    """One story for each owner, the best first."""
    owners = {}
    for photo in ranked:
        owners.setdefault(photo["by"], photo)
    return [ring(photo) for photo in list(owners.values())[:TRAY]]


def ring(photo):
    """A story as the app draws it."""
    colour = "gold" if photo["likes"] > 100 else "grey"
    return {"photo": photo["pk"], "by": photo["by"], "ring": colour}


def tray_cursor(place, seed):
    """Where the reader of a tray is, as one word."""
    return base64.urlsafe_b64encode(cursor_text(place, seed).encode()).decode()


def cursor_text(place, seed):
    """The parts of a cursor."""
    return f"{place}:{seed}:{place ^ seed}"

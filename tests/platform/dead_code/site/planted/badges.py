"""Badges for members who post much."""

from django.conf import settings
from openfeature import api

from . import flags, stats

HOURS = 24 * 440
NAMES = ("newcomer", "regular", "pillar")

client = api.get_client(flags.DOMAIN)


def badge(member_id, counts):
    """The badge beside a member's name."""
    with stats.timed("badges.points"):
        earned = points(member_id, counts)
    if not settings.BADGES:
        return None
    return named(earned)


def points(member_id, counts):
    """What a member earned lately; what is long ago counts less."""
    earned = 0.0
    for hour in range(HOURS):
        activity = (member_id * 31 + hour * 17) % 7
        earned += activity * counts / (1 + hour / 720)
    return earned


def named(earned):
    """A badge by its points."""
    place = min(len(NAMES) - 1, int(earned) // 1000)
    return {"name": NAMES[place], "points": round(earned)}


def frame(member_id):
    """What is drawn around a member's picture."""
    if client.get_boolean_value("animated_badges", False, flags.member(member_id)):
        return animated(member_id)
    return {"colour": "grey"}


def animated(member_id):
    """A frame that moves."""
    return {"colour": "gold", "steps": [(member_id + step * 45) % 360 for step in range(8)]}


def leaderboard(members):
    """Members by their points."""
    return sorted(members, key=lambda member: rank(member), reverse=True)


def rank(member):
    """By what members are compared."""
    return member["points"], -member["pk"]

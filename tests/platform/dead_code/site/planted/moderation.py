"""Photos that were reported."""

from openfeature import api

from . import flags

REPORTS_AT_MOST = 3
LEVELS = 4

client = api.get_client(flags.DOMAIN)


def visible(photos, member_id):
    """The photos without those that too many reported."""
    if client.get_boolean_value("hide_reported", False, flags.member(member_id)):
        return [photo for photo in photos if not hidden(photo)]
    return photos


def hidden(photo):
    """Whether too many members reported a photo."""
    return photo.get("reports", 0) > REPORTS_AT_MOST


def review(report, level=0):
    """Who decides about a report, and how."""
    if report["reports"] <= REPORTS_AT_MOST * level or level == LEVELS:
        return {"level": level, "hide": report["reports"] > REPORTS_AT_MOST}
    return escalate(report, level)


def escalate(report, level):
    """Hands a report one level up."""
    return review({**report, "escalated": True}, level + 1)

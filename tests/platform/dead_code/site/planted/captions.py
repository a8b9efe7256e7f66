"""Captions in the reader's language."""

import html
import re
import unicodedata

from openfeature import api

from . import flags, stats

LANGUAGES = ("en", "de", "fr", "sv")
LETTERS = range(0x20, 0x180)
TITLE_LETTERS = 60

# Letters that come after z instead of beside the letter they look like.
LAST = {"sv": "åäö", "de": "ß"}

client = api.get_client(flags.DOMAIN)


def localised(photos, language, member_id):
    """The captions of photos with keys by which the reader's language sorts them."""
    if language not in LANGUAGES:
        language = fallback(language)
    if client.get_boolean_value("caption_translation", False, flags.member(member_id)):
        photos = [translated(photo, language) for photo in photos]
    lines = []
    for photo in photos:
        with stats.timed("captions.collation"):
            table = collation(language)
        key = [table.get(letter, 0) for letter in photo["caption"][:8]]
        lines.append({"photo": photo["pk"], "text": photo["caption"], "key": key})
    return lines


def collation(language):
    """The weight of each letter in a language."""
    last = LAST.get(language, "")
    weights = {}
    for code in LETTERS:
        letter = chr(code)
        plain = unicodedata.normalize("NFKD", letter)[0].lower()
        weights[letter] = ord(plain) + (1000 if letter in last else 0)
    return weights


def fallback(language):
    """The nearest language that there is: that of the same family, or English."""
    family = language.split("-")[0].lower()
    return {"nb": "sv", "da": "sv", "nl": "de"}.get(family, family if family in LANGUAGES else "en")


def translated(photo, language):
    """A photo with its caption in another language, where its owner wrote one."""
    others = photo.get("translations") or {}
    return {**photo, "caption": others.get(language, photo["caption"])}


def shorten(text):
    """The beginning of a long text, up to the end of a word."""
    if len(text) <= TITLE_LETTERS:
        return text
    return text[:TITLE_LETTERS].rsplit(" ", 1)[0] + "…"


def strip_tags(text):
    """A caption without the markup that old apps sent."""
    return html.unescape(re.sub(r"<[^>]+>", "", text))

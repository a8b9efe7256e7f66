"""What members take along."""

import csv
import io
import json
from xml.sax import saxutils

from openfeature import api

from . import flags

client = api.get_client(flags.DOMAIN)


class Archive:
    """Files that a member downloads together."""

    def __init__(self):
        self.files = {}

    def add(self, name, text):
        """Adds a file."""
        self.files[name] = text

    def add_video(self, name, frames):
        """Adds a video as a list of its frames."""
        self.files[name] = "\n".join(f"{at:05} {frame}" for at, frame in enumerate(frames))


def likes_csv(photos):
    """A member's photos with their likes."""
    out = io.StringIO()
    csv.writer(out).writerows(likes_rows(photos))
    return out.getvalue()


def likes_rows(photos):
    """A head, and one row for each photo."""
    yield ["photo", "caption", "likes"]
    for photo in photos:
        yield [photo["pk"], photo["caption"], photo["likes"]]


def likes(photos, member_id):
    """The format that is the member's."""
    if client.get_boolean_value("export_jsonl", False, flags.member(member_id)):
        return likes_jsonl(photos)
    return likes_csv(photos)


def likes_jsonl(photos):
    """A member's photos with their likes, one JSON object a line."""
    return "".join(json.dumps(photo) + "\n" for photo in photos)


def likes_xml(photos):
    """A member's photos with their likes, for the importer of another site."""
    return "<likes>" + "".join(element("photo", photo) for photo in photos) + "</likes>"


def element(name, attributes):
    """One element without content."""
    return f"<{name} " + " ".join(attribute(key, value) for key, value in attributes.items()) + "/>"


def attribute(key, value):
    """One attribute of an element."""
    return f"{key}={saxutils.quoteattr(str(value))}"

"""What is done about photos later, by the worker of the queue."""

import os

from django.conf import settings
from photos.tasks import app
from PIL import Image

COLOURS = 5


@app.task(name="planted.describe_upload")
def describe_upload(original):
    """Keeps the colours of an upload beside it."""
    with Image.open(os.path.join(settings.FILES, os.path.basename(original))) as image:
        image.draft("RGB", (160, 160))
        found = dominant_colours(image)
    with open(os.path.join(settings.FILES, f"{original}.colours"), "w") as file:
        file.write(" ".join(found))


def dominant_colours(image):
    """The colours that most of a picture has."""
    small = image.convert("RGB").resize((64, 64)).quantize(COLOURS)
    palette = small.getpalette()
    ranked = sorted(small.getcolors(), reverse=True)
    return ["#%02x%02x%02x" % tuple(palette[3 * index:3 * index + 3]) for _, index in ranked]


@app.task(name="planted.rebuild_palettes")
def rebuild_palettes(originals):
    """Describes photos from before there were colours."""
    for original in originals:
        describe_upload(original)


@app.task(name="planted.email_digest")
def email_digest(member_id, photos):
    """Tells a member of the week's photos."""
    return {"to": member_id, "subject": "Your week", "body": digest_body(photos)}


def digest_body(photos):
    """The text of a digest."""
    lines = [f"{photo['by']}: {photo['caption']}" for photo in photos[:10]]
    return "\n".join(lines) or "Nothing new this week."


@app.task(name="planted.purge_originals")
def purge_originals(names):
    """Removes files of members who left."""
    removed = 0
    for name in names:
        path = os.path.join(settings.FILES, os.path.basename(name))
        if os.path.exists(path):
            os.unlink(path)
            removed += 1
    return removed


@app.task(name="planted.index_captions")
def index_captions(photos):
    """The words of captions with the photos they stand in."""
    index = {}
    for photo in photos:
        for word in photo["caption"].split():
            index.setdefault(word, []).append(photo["pk"])
    return index

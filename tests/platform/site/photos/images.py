"""Photos as files: made from a seed, kept as uploaded, converted when they are read."""

import hashlib
import io
import os
import random

from django.conf import settings
from PIL import Image, ImageDraw, UnidentifiedImageError

WIDTHS = (160, 320, 640)
ORIGINAL = (800, 600)
PIXELS_AT_MOST = 4_000_000
JPEG = "JPEG"
WEBP = "WEBP"


class NotAnImage(ValueError):
    """What was uploaded is no image, or one that is too large."""


def keep(data):
    """Stores an upload as a JPEG of the usual size; returns its name."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > PIXELS_AT_MOST:
            raise NotAnImage(f"a photo has at most {PIXELS_AT_MOST} pixels")
        image = image.convert("RGB").resize(ORIGINAL)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise NotAnImage(f"this is no image: {error}") from error
    name = hashlib.sha256(data).hexdigest()[:16] + ".jpg"
    image.save(_path(name), JPEG, quality=88)
    return name


def convert(name, width, kind):
    """An original in another width and format."""
    with Image.open(_path(name)) as image:
        image.draft("RGB", (width, width))
        small = image.resize((width, width * ORIGINAL[1] // ORIGINAL[0]), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, kind, quality=80)
    return out.getvalue()


def keep_thumbnail(name, width, kind, data):
    """Stores a thumbnail beside its original."""
    with open(_path(f"{name}.{width}.{kind.lower()}"), "wb") as file:
        file.write(data)


def draw(name, seed):
    """Makes an original: soft colours with shapes on them, always the same ones for one seed."""
    chance = random.Random(seed)
    noise = Image.frombytes("RGB", (40, 30), chance.randbytes(40 * 30 * 3))
    picture = noise.resize(ORIGINAL, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, size = chance.randrange(800), chance.randrange(600), chance.randrange(10, 120)
        pen.ellipse((x, y, x + size, y + size), fill=tuple(chance.randbytes(3)))
    picture.save(_path(name), JPEG, quality=88)


def _path(name):
    return os.path.join(settings.FILES, os.path.basename(name))

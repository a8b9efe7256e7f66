"""Fills an empty database and the folder of originals: always the same members and photos."""

import os
import random

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photos.settings")

import django

MEMBERS = 200
PHOTOS = 20_000
ORIGINALS = 24
FOLLOWS = 20
LIKES_AT_MOST = 500
WORDS = (
    "lake sunset dog cat mountain city rain snow beach forest bridge night morning coffee bicycle train friends "
    "summer winter autumn spring garden flower river cloud storm market street music dance concert window door "
    "harbour boat island desert canyon valley meadow castle tower museum library kitchen bread cheese apple "
    "orange lemon red blue green golden silver old new quiet loud"
).split()


def main():
    """Makes the tables, then the rows, then the files."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    _rows(random.Random(7))
    from . import images

    for number in range(ORIGINALS):
        images.draw(_original(number), number)
    print(f"{MEMBERS} members, {PHOTOS} photos of {ORIGINALS} originals")


def _rows(chance):
    from django.db import connection
    from waffle.models import Flag

    from .flags import WEBP_THUMBS
    from .models import Member, Photo

    Flag.objects.create(name=WEBP_THUMBS, percent=50, superusers=False)
    names = [f"{chance.choice(WORDS)}{number}" for number in range(MEMBERS)]
    members = Member.objects.bulk_create([Member(name=name, bio=_caption(chance, 12)) for name in names])
    Photo.objects.bulk_create(
        Photo(
            owner=chance.choice(members), caption=_caption(chance, 9),
            original=_original(number % ORIGINALS), likes=chance.randrange(LIKES_AT_MOST),
        )
        for number in range(PHOTOS)
    )
    follow = Member.follows.through
    follow.objects.bulk_create(
        follow(from_member=member, to_member=followed)
        for member in members
        for followed in chance.sample(members, FOLLOWS)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _caption(chance, words):
    return " ".join(chance.choices(WORDS, k=words))


def _original(number):
    return f"original-{number:02}.jpg"


if __name__ == "__main__":
    main()

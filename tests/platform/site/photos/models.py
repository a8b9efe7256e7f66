"""Members, who follows whom, photos and likes."""

from django.db import models


class Member(models.Model):
    """Somebody with photos."""

    name = models.CharField(max_length=40)
    bio = models.CharField(max_length=200)
    follows = models.ManyToManyField("self", symmetrical=False, related_name="followers")


class Photo(models.Model):
    """One photo; its original is a file, and its other sizes are made when somebody reads them."""

    owner = models.ForeignKey(Member, models.CASCADE, related_name="photos")
    caption = models.CharField(max_length=200)
    original = models.CharField(max_length=60)
    likes = models.IntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True, db_index=True)


class Like(models.Model):
    """A member likes a photo, once."""

    member = models.ForeignKey(Member, models.CASCADE)
    photo = models.ForeignKey(Photo, models.CASCADE)

    class Meta:
        """One row for each pair."""

        constraints = [models.UniqueConstraint(fields=["member", "photo"], name="one_like")]

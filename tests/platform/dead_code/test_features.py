"""The features do what they should, with their switches as in production. repository.py puts this among the site's tests."""

import importlib
import json
import os
import pkgutil
import unittest

import context  # makes the site importable

os.environ["DJANGO_SETTINGS_MODULE"] = "planted.settings"

import django

django.setup()

import planted
from django.urls import resolve
from photos import urls as site_urls
from PIL import Image
from planted import audit, badges, captions, errors, exports, moderation, searching, stories, tasks, views

PHOTOS = [
    {"pk": 1, "caption": "dog lake rain", "likes": 5, "by": "ada"},
    {"pk": 2, "caption": "dog lake sunset", "likes": 9, "by": "bob"},
]


class FeaturesTest(unittest.TestCase):
    """Each feature by itself."""

    def test_every_module_can_be_imported(self):
        for module in pkgutil.iter_modules(planted.__path__):
            importlib.import_module(f"planted.{module.name}")

    def test_endpoints_have_features_or_are_the_sites(self):
        found = {path: resolve(path).func for path in ("/feed", "/members/1", "/members/1/export", "/photos", "/search")}
        self.assertEqual(list(found.values()), [views.feed, views.profile, views.export, views.upload, views.search])
        self.assertIn(resolve("/health").func, [pattern.callback for pattern in site_urls.urlpatterns])

    def test_captions_are_for_the_reader(self):
        line = captions.localised(PHOTOS, "en", 1)[0]
        self.assertEqual((line["photo"], line["text"], line["key"][:3]), (1, "dog lake rain", [100, 111, 103]))
        self.assertGreater(captions.collation("sv")["ä"], captions.collation("en")["ä"])
        self.assertEqual([captions.fallback(name) for name in ("nb", "fr-CA", "ja")], ["sv", "fr", "en"])
        self.assertEqual(captions.shorten("word " * 30), ("word " * 12).rstrip() + "…")

    def test_switches_are_off(self):
        self.assertEqual((stories.tray(1, PHOTOS), badges.badge(1, 3)), ([], None))
        self.assertEqual(badges.frame(1), {"colour": "grey"})
        self.assertEqual(moderation.visible(PHOTOS, 1), PHOTOS)

    def test_stories_are_of_what_is_near(self):
        far = {"pk": 3, "caption": "xyz", "likes": 1, "by": "cyd"}
        self.assertEqual(stories.candidates([far, *PHOTOS])[-1], far)

    def test_a_search_is_ordered(self):
        self.assertEqual([photo["pk"] for photo in searching.grouped(PHOTOS, ["rain"], 1)], [1, 2])
        self.assertEqual([photo["pk"] for photo in searching.grouped(PHOTOS, ["dog"], 1)], [2, 1])
        self.assertEqual(searching.facets(PHOTOS)[0], ("dog lake", 2))
        self.assertIn(searching.KNOWN[0], searching.hint())

    def test_an_export_has_all_likes(self):
        archive = exports.Archive()
        archive.add("likes", exports.likes(PHOTOS, 1))
        rows = ["photo,caption,likes", "1,dog lake rain,5", "2,dog lake sunset,9"]
        self.assertEqual(archive.files["likes"].splitlines(), rows)

    def test_what_was_shown_is_noted(self):
        before = audit.shown[7]
        audit.note_feed(7, PHOTOS)
        self.assertEqual(audit.shown[7], before + 2)
        self.assertIn('"lake"', json.dumps(audit.Trail(7, PHOTOS).as_dict()))

    def test_errors_are_short(self):
        self.assertEqual(errors.describe(ValueError("a\nb")), "ValueError: a b")
        self.assertLess(len(errors.describe(ValueError("long " * 100))), 140)

    def test_a_picture_has_colours(self):
        self.assertEqual(tasks.dominant_colours(Image.new("RGB", (8, 8), (255, 0, 0))), ["#ff0000"])


if __name__ == "__main__":
    unittest.main()

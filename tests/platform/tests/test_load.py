"""The load is the same for the same seed, and its pictures are pictures."""

import io
import itertools
import random
import unittest

from context import PLATFORM
import load
import workload
from PIL import Image


class LoadTest(unittest.TestCase):
    """What is asked for."""

    def test_a_seed_stands_for_one_sequence(self):
        def sequence(seed):
            chance = random.Random(seed)
            return [load.request(chance.choice(list(load.MIX)), chance)[1] for _ in range(50)]

        self.assertEqual(sequence(1), sequence(1))
        self.assertNotEqual(sequence(1), sequence(2))

    def test_uploads_are_images(self):
        with Image.open(io.BytesIO(load.png(3))) as image:
            image.load()
            self.assertEqual((image.format, image.size, image.mode), ("PNG", (320, 240), "RGB"))

    def test_every_kind_is_burnt_soon(self):
        import burning

        kinds = {kind for kind, _ in itertools.islice(workload.choices(0, 60), 100)}
        self.assertEqual(kinds, set(burning.BURNERS))

    def test_the_site_has_what_the_load_asks_for(self):
        seed = (PLATFORM / "site/photos/seed.py").read_text()
        self.assertIn(f"MEMBERS = {load.MEMBERS}\n", seed)
        self.assertIn("PHOTOS = 20_000\n", seed)
        self.assertEqual(load.PHOTOS, 20_000)


if __name__ == "__main__":
    unittest.main()

"""Leases against a real memcached."""

import shutil
import subprocess
import time
import unittest

from context import free_port
from photos.leases import Leases


class LeasesTest(unittest.TestCase):
    """Two clients of one server."""

    @classmethod
    def setUpClass(cls):
        cls.address = ("127.0.0.1", free_port())
        command = [shutil.which("memcached") or "/usr/bin/memcached", "-l", "127.0.0.1", "-p", str(cls.address[1])]
        cls.server = subprocess.Popen([*command, "-U", "0", "-u", "nobody"])
        probe = Leases(cls.address)
        for _ in range(200):
            probe.fetch("probe", 60, lambda: b"there")
            if probe.fetch("probe", 60, lambda: b"not yet") == b"there":
                return
            time.sleep(0.02)
        raise AssertionError("memcached does not answer")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()

    def setUp(self):
        self.one, self.other = Leases(self.address), Leases(self.address)
        self.computed = []

    def compute(self, value):
        """A computation that is noted."""

        def run():
            self.computed.append(value)
            return value

        return run

    def fetch(self, client, value):
        """Fetches this test's key."""
        return client.fetch(self.id(), 60, self.compute(value))

    def test_what_was_computed_is_found(self):
        self.assertEqual(self.fetch(self.one, b"first"), b"first")
        self.assertEqual(self.fetch(self.other, b"second"), b"first")
        self.assertEqual(self.computed, [b"first"])

    def test_who_has_no_lease_does_not_store(self):
        def while_other_asks():
            self.assertEqual(self.fetch(self.other, b"loser"), b"loser")
            return b"winner"

        self.assertEqual(self.one.fetch(self.id(), 60, while_other_asks), b"winner")
        self.assertEqual(self.fetch(self.other, b"again"), b"winner")

    def test_a_value_from_before_an_invalidation_is_not_stored(self):
        def invalidated_meanwhile():
            self.other.invalidate(self.id())
            return b"old"

        self.assertEqual(self.one.fetch(self.id(), 60, invalidated_meanwhile), b"old")
        self.assertEqual(self.fetch(self.other, b"new"), b"new")

    def test_after_an_invalidation_one_computes_and_others_get_the_old_value(self):
        self.fetch(self.one, b"old")
        self.one.invalidate(self.id())

        def while_other_asks():
            self.assertEqual(self.fetch(self.other, b"unused"), b"old")
            return b"new"

        self.assertEqual(self.one.fetch(self.id(), 60, while_other_asks), b"new")
        self.assertEqual(self.fetch(self.other, b"unused"), b"new")
        self.assertEqual(self.computed, [b"old"])

    def test_without_a_server_values_are_computed(self):
        nobody = Leases(("127.0.0.1", free_port()))
        self.assertEqual(nobody.fetch(self.id(), 60, self.compute(b"value")), b"value")
        nobody.invalidate(self.id())


if __name__ == "__main__":
    unittest.main()

"""The judges: they pass what is right and fail what is not."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import context  # makes the others importable
import check
import confusion
import pprof
import shares


def sample(function, endpoint, variant, count):
    """One that ran in a burn_… function and carries these labels."""
    labels = {"endpoint": endpoint, confusion.FLAG: variant, "label_source": "sdk"}
    return pprof.Sample(("spin", function, "handle"), labels, count, count * 1_000_000)


class TablesTest(unittest.TestCase):
    """Each judge on samples made by hand."""

    def judged(self, samples, judge, log):
        """What the judge says of these samples, and what it printed."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
            Path(folder, "1.json").write_text(json.dumps(log))
            with mock.patch.object(pprof, "read", lambda path: samples):
                return judge("recording", Path(folder)), out.getvalue()

    def test_labels_against_the_stack(self):
        right = [sample("burn_feed_new", "GET /feed", "new", 1990), pprof.Sample(("idle",), {}, 5, 5)]
        log = [["GET /feed", "new", 3, 2_000_000_000]]
        missing = [pprof.Sample(("burn_like_new",), {}, 10, 10)]
        good, text = self.judged(right + missing, confusion.report, log)
        self.assertTrue(good)
        self.assertIn("1990 of 2000 samples right = 99.500%, 0 wrong; 5 outside of burning", text)
        good, text = self.judged(right + [sample("burn_like_new", "GET /feed", "new", 1)], confusion.report, log)
        self.assertFalse(good)
        self.assertIn("1990 of 1991 samples right = 99.950%, 1 wrong", text)
        wrong_flag = [sample("burn_feed_plain", "GET /feed", "new", 30)]
        self.assertFalse(self.judged(right + wrong_flag, confusion.report, log)[0])
        unlabelled = [pprof.Sample(("burn_feed_new",), {}, 30, 30)]
        self.assertFalse(self.judged(right + unlabelled, confusion.report, log)[0])
        self.assertFalse(self.judged(right[1:], confusion.report, log)[0])

    def test_shares_against_the_clock(self):
        def samples(count):
            names = ("python_work", "generator_work", "extension_work")
            counts = (count, 30_000, 30_000)
            return [pprof.Sample(("leaf", name), {}, n, n) for name, n in zip(names, counts)]

        log = {"python_work": 10**9, "generator_work": 10**9, "extension_work": 10**9}
        self.assertTrue(self.judged(samples(30_300), shares.report, log)[0])
        self.assertFalse(self.judged(samples(31_500), shares.report, log)[0])
        self.assertFalse(self.judged([], shares.report, log)[0])

    def test_the_site_against_the_collector(self):
        def compared(requests, sampled_ns, unrouted_ns=0):
            logged = {"GET /feed": check.Cost(1000, 100e9)}
            found = {"GET /feed": check.Cost(requests, 100e9, sampled_ns), "GET (unrouted)": check.Cost(0, 0, unrouted_ns)}
            with contextlib.redirect_stdout(io.StringIO()):
                return check.print_service("feed", logged, found)

        self.assertTrue(compared(1000, 102e9))
        self.assertTrue(compared(1000, 92e9, 8e9))
        self.assertFalse(compared(999, 102e9))
        self.assertFalse(compared(1000, 96e9))

    def test_a_flag_by_its_effect(self):
        def compared(on_ns, off_ns):
            logged = {"on": check.Cost(1000, 40e9), "off": check.Cost(1000, 20e9)}
            found = {"on": check.Cost(1000, 40e9, on_ns), "off": check.Cost(1000, 20e9, off_ns)}
            with contextlib.redirect_stdout(io.StringIO()):
                return check.print_flag("feed by ranker", logged, found)

        self.assertTrue(compared(30e9, 10e9))
        self.assertFalse(compared(30e9, 20e9))


if __name__ == "__main__":
    unittest.main()

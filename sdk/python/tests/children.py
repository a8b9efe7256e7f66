"""Starts Python children that run the SDK, and speaks with them over their pipes."""

import json
import os
import subprocess
import sys
import textwrap

TESTS = os.path.dirname(os.path.abspath(__file__))
# The runner names another folder to test an installed, accelerated package.
SOURCE = os.environ.get("TEST_FEWER_SOURCE") or os.path.join(os.path.dirname(TESTS), "src")

PRELUDE = """
import ctypes, json, mmap, os, struct, sys, threading, time
import fewer
def thread_state():
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    return get()
def say(**values):
    sys.stdout.write(json.dumps(values) + "\\n")
    sys.stdout.flush()
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
"""


def joined(*parts):
    """Pieces of code, each indented as its test is."""
    return "".join(textwrap.dedent(part) for part in parts)


def environment(**changes):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("FEWER_", "OTEL_"))}
    env["PYTHONPATH"] = os.pathsep.join([SOURCE, TESTS])
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env.update(changes)
    return env


def run(code, *arguments, **env):
    """The JSON lines that a child printed before it ended well."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)] + [str(a) for a in arguments],
        env=environment(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b"", done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


class Child:
    """A child that stays alive until the block ends: it waits for its standard input to close."""

    def __init__(self, code, *arguments, **env):
        command = [sys.executable, "-c", PRELUDE + textwrap.dedent(code)] + [str(a) for a in arguments]
        self.process = subprocess.Popen(command, env=environment(**env), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def hear(self):
        line = self.process.stdout.readline()
        assert line, "the child ended early"
        return json.loads(line)

    def tell(self, text="go"):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def __exit__(self, *error):
        self.process.stdin.close()
        try:
            assert self.process.wait(60) == 0 or error[0] is not None
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

"""Serves two endpoints in turn, and idles between them."""

import contextvars
import sys

import fewer
from fewer._core import _publisher

# With many variables the trie's root is an array node.
others = [contextvars.ContextVar("other %d" % number) for number in range(int(sys.argv[1]))]
for other in others:
    other.set(1)


def burn():
    total = 0
    for number in range(20000):
        total += number
    return total


def feed():
    burn()


def profile():
    burn()


def idle():
    burn()


with fewer.request("GET /start"):
    burn()
for name, number in _publisher.layout._asdict().items():
    print(name, number)
print("ready", flush=True)
while True:
    with fewer.request("GET /feed"):
        feed()
    idle()
    with fewer.request("GET /profile/{id}"):
        profile()
    idle()

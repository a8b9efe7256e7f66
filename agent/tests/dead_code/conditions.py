"""Functions with conditions that were true and false so often; says what is to be found of each.

By function: line after its first, column, and bits: 1 it was false, 2 it was true, 4 in all outcomes that are kept.
"""

import json
import sys

OFTEN_FALSE, OFTEN_TRUE, FALSE, TRUE, BOTH = 5, 6, 1, 2, 3

SHOP = """
def never(x):
    if x:
        return 1


def often_false(x):
    if x:
        return 1


def often_true(x):
    if x:
        return 1


def fourteen_false(x):
    if x:
        return 1


def fifteen_true(x):
    if x:
        return 1


def once_other(x):
    if x:
        return 1


def long_ago_other(x):
    if x:
        return 1


def negated(x):
    if not x:
        return 1


def of_none(x):
    a = 1 if x is None else 2
    b = 1 if x is not None else 2
    return a + b


def two(x, y=0):
    return 1 if x and y else 2


def looped(x):
    while x > 0: x -= 1


def listened(x):
    if x:
        return 1
"""

far = "def far(x):\n    if x:\n" + "".join(f"        a{at} = x + {at}\n" for at in range(300)) + "    return x\n"
many = "def many(x):\n" + "".join(f"    if x: {at}\n" for at in range(40))
folder = "/srv/shop/"
namespace = {}
for name, source in (("views", SHOP), ("far", far), ("many", many)):
    exec(compile(source, f"{folder}{name}.py", "exec"), namespace)

CALLS = {
    "often_false": [0] * 16,
    "often_true": [1] * 40,
    "fourteen_false": [0] * 14,
    "fifteen_true": [1] * 15,
    "once_other": [0] * 40 + [1],
    "long_ago_other": [0] + [1] * 40,
    "negated": [0] * 40,
    "of_none": [None] * 40,
    "two": [0] * 40,
    "looped": [3] * 40,
    "far": [0] * 40,
    "many": [1] * 40,
}
EXPECTED = {
    "often_false": [[1, 7, OFTEN_FALSE]],
    "often_true": [[1, 7, OFTEN_TRUE]],
    "fourteen_false": [[1, 7, FALSE]],
    "fifteen_true": [[1, 7, TRUE]],
    "once_other": [[1, 7, BOTH]],
    # What is forgotten cannot be told.
    "long_ago_other": [[1, 7, OFTEN_TRUE]],
    "negated": [[1, 11, OFTEN_FALSE]],
    "of_none": [[1, 13, OFTEN_TRUE], [2, 13, OFTEN_TRUE]],
    "two": [[1, 16, OFTEN_FALSE]],
    "looped": [[1, 10, BOTH | OFTEN_TRUE]],
    "far": [[1, 7, OFTEN_FALSE]],
    "many": [[line, 7, OFTEN_TRUE] for line in range(1, 33)],
    "listened": [[1, 7, TRUE]],
}


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


for name, arguments in CALLS.items():
    for argument in arguments:
        namespace[name](argument)
if sys.version_info >= (3, 12):
    # A tool that listened to branches takes what was kept away.
    monitoring = sys.monitoring
    monitoring.use_tool_id(2, "test")
    monitoring.set_local_events(2, namespace["listened"].__code__, monitoring.events.BRANCH)
    for _ in range(20):
        namespace["listened"](0)
    monitoring.set_local_events(2, namespace["listened"].__code__, 0)
    for _ in range(2):
        namespace["listened"](1)
say(EXPECTED)
for line in sys.stdin:
    for argument in [0, 1]:
        namespace[line.strip()](argument)
    say(True)

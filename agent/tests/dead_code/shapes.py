import contextlib


def numbers(x):
    return (x + 64, x * -7, x - 123456789012345678901234567890, x / 2.5, x + 3j, -x, not x)


def texts(x):
    "Says something."
    return f"{x!r:>10}", b"raw", "na\u00efve \U0001f40d", (1, ("two", None, ..., True))


def member(x):
    return x in {"alpha", "beta", "gamma", "delta"}


def calls(x):
    return len(str(x)), max(x, 1)


def compares(x):
    return x < 10, x == "a", x is None


def handles(x):
    try:
        with contextlib.suppress(KeyError):
            return {}[x]
        return [at for at in range(x) if at % 2]
    except (TypeError, ValueError) as error:
        raise RuntimeError("no") from error
    finally:
        x = None


def outer(x):
    kept = [x]

    def inner(y):
        return kept[0] + y + 1000

    return inner


def counts(n):
    for at in range(n):
        yield at


class Shape:
    sides = 3

    def __init__(self, size):
        self.size = size
        self.area = size * size
        self.width, self.height, self.depth, self.color = size, size, size, "red"

    @property
    def half(self):
        return self.size / 2

    @staticmethod
    def double(x, *, times=2):
        return x * times


def run_all():
    numbers(5)
    texts(5)
    member("beta")
    calls(5)
    compares(5)
    handles(5)
    outer(1)(2)
    list(counts(3))
    Shape(4).half
    Shape.double(4)

"""A cache of rendered templates that every process fills when it imports this."""

PAGES = 1500


def render(number):
    """A page of about 8 kB."""
    return "".join(f"<li class='photo'>photo {number * 100 + row} by user {row}</li>\n" for row in range(160))


CACHE = {f"page-{number}": render(number) for number in range(PAGES)}

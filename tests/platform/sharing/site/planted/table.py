"""A configuration table that every process loads when it imports this."""

RECORDS = 60_000


def load():
    """Limits and texts for each market and feature, about 40 MB."""
    return {
        f"market-{number}": {
            "title": f"title of market {number}",
            "limit": number * 1_000_003,
            "weight": number / 7.0,
            "features": [f"feature {number}", f"experiment {number * 3}"],
            "text": f"terms of use for market {number}, in its own language " * 4,
        }
        for number in range(RECORDS)
    }


SETTINGS = load()

"""Errors in words for the log."""

TEXT_AT_MOST = 120


def describe(error):
    """Kind and beginning of an error's text."""
    text = " ".join(str(error).split())
    if len(text) > TEXT_AT_MOST:
        text = text[:TEXT_AT_MOST] + "…"
    return f"{type(error).__name__}: {text}"

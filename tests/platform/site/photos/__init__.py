"""The first floor of a photo-sharing site: something real enough to profile, small enough to read."""

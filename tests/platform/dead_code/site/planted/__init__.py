"""Features around the photo-sharing site, as many people leave them over the years."""

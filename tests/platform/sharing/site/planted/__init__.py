"""The photo-sharing site with memory that its workers could share, planted on purpose."""

"""Scoring images: what goes into one, and what proves that it is unchanged."""

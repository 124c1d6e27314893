"""Trailmark: data science that can be repeated and shared."""

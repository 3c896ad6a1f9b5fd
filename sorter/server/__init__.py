"""Palettes over HTTP: the application, its bounds, and the processes that look at pictures."""

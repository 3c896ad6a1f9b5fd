"""Palettes over HTTP."""

"""Palettes of whole archives: pictures wherever they are, a table of their colors."""

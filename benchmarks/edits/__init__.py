"""Recipes that are edited: files spoiled in every way, and edits while the sorter runs."""

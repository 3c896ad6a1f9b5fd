"""Recipes and settings that change while the sorter runs: watched, checked, rehearsed, confirmed, and written down."""

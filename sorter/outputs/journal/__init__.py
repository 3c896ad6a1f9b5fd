"""The journal: every decision with what became of it and what it was made from, in one SQLite file."""

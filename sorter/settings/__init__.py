"""What an operator edits: models, and the loader that names file, line and column of every mistake."""

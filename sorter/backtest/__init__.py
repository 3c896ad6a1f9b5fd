"""The rehearsal of a recipe: what it would have said of products that were decided under another."""

"""The history of recipes: each one that was ever in force, in a file that is only added to, chained by hashes."""

"""Walks every row of a line's fail-safe table: the real service and a real broker around a simulated belt."""

"""The simulated belt: a schedule of products known exactly, and pictures drawn from it."""

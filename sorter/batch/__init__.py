"""What a batch came to: pure, from the decisions, steps and events of the journal."""

"""Whether the routing contract holds: deliveries under faults, judged by the reference consumer."""

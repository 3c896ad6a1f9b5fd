"""What the sorter costs and how often it is right, measured on this machine: ``python -m benchmarks``."""

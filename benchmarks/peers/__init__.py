"""Other tools that read an image's dominant color, run in an environment and a process of their own."""

"""Sort products on a conveyor by color: frames in, branch routing decisions out."""

__version__ = "0.1.0"

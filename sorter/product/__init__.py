"""From a frame to products: region, empty belt, things on it, tracks."""

"""From a product's pixels to a bin: Lab, CIEDE2000, sampling, dominant color, bins."""

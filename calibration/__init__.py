"""What is set up beside the belt: camera, colors and bins, before products are sorted."""

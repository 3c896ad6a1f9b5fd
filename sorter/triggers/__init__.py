"""A photo-eye's triggers against the products that the pictures show: pure; nothing here reads a clock."""

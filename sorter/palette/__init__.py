"""The colors of any picture: what a palette is made of, apart from any conveyor."""

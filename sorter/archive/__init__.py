"""Archives of pictures: their palettes in a table, made by a job and searched by color."""

"""Image files as arrays.

`read.open_image` is how training and audit read a file, `read.read_picture` how prediction does; both decode in one
place. `read.open_scene` reads images of any size in windows (`scene`). `resize` brings images and masks to the square
a recipe trains on; `raster` (rasterio) reads what lies on a map. Imports the schema and the terminal only, and no
torch; data, inference, their commands and the reports may import it.
"""

"""Where do the cells of a grid run?"""

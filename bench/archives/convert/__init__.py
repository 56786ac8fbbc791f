"""Write any dataset in the canonical layout, without packing its images anew.

The bytes of JPEG and PNG images are copied. Only what the layout cannot say of an image is put
into it, as a PNG that loses nothing: the mirror image of a background, depth that was painted in
colors or has a frame around it, a mask that was cut at another threshold, and other kinds of files.
What a further column of the samples names is copied into a folder of the column's name.
"""

from bench.archives.convert.archive import Converted, convert

__all__ = ["Converted", "convert"]

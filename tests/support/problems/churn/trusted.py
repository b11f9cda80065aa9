"""The types in the model's file that skops does not trust by itself. The scoring script trusts them, too.

Reviewed: both are plain containers of numbers, and loading them runs no code of the file.
"""

TRUSTED_TYPES = ("numpy.dtype", "sklearn.tree._tree.Tree")

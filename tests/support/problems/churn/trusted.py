"""The types in the model's file that skops does not trust by default, but the problem and the scoring script do.

Reviewed: both are plain containers of numbers, and loading them runs no code of the file.
"""

TRUSTED_TYPES = ("numpy.dtype", "sklearn.tree._tree.Tree")

"""Scoring images: what goes into one, and what proves that it is unchanged.

.. code-block:: text

    bundle  the content of an image as a folder, with a manifest, named by the digest of its content
"""

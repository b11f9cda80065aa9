"""Scoring images: their content, and the check that the content is unchanged.

.. code-block:: text

    bundle   the content of an image: a folder with a manifest, identified by a digest
    modules  the modules that travel beside the scoring script
    schema   what the service accepts and answers, as a file of the image
"""

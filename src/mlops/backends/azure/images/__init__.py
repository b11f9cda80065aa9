"""Scoring images: `mlops.platform.images` in the workspace's Container Registry.

.. code-block:: text

    images            builds an image, and finds it again by its digest
    records           records of images, as blobs
    sdk_environments  the SDK's environments for building and deploying an image, and the server's packages
"""

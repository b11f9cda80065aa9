"""Implements `mlops.platform.images`: scoring images in the workspace's Container Registry.

.. code-block:: text

    images            builds images, and finds them by digest
    records           records of images, which are blobs
    sdk_environments  the SDK's environments for building and deploying an image, and the server's packages
"""

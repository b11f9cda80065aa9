"""Implements `mlops.platform.images`: scoring images in the workspace's Container Registry.

.. code-block:: text

    images            builds images, and finds them by digest
    records           records of images, which are blobs
    sdk_environments  the packages of an image, and the SDK's environments for building and deploying it
"""

"""Scoring images: `mlops.platform.images` in the workspace's Container Registry.

.. code-block:: text

    images            builds an image and finds it again by its digest
    records           what an image holds, as a blob beside it
    sdk_environments  the SDK's environment that an image is built from, and the server's packages
"""

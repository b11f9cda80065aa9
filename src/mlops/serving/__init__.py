"""The scoring server, which is the only engine code in an image. It imports nothing else from this package.

.. code-block:: text

    __main__     starts the server on a bundle: port, keys, ready file
    app          the ASGI application: POST /score, health, refusals
    script       the user's scoring script: init(), run()
    azure_entry  the entry script for Azure's own inference server, which is in every image
"""

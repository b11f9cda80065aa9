"""The scoring server. It is the only code of the engine in an image, so it imports no other module of the engine.

.. code-block:: text

    __main__     starts the server for the content of an image (a bundle)
    app          the ASGI application, which answers requests to /score, /healthz and /readyz
    script       loads the user's scoring script, which has the functions init() and run()
    azure_entry  the entry script for Azure's own inference server; every image contains it
"""

"""The connections of the server: their limits and deadlines, and their end when another server takes over.

.. code-block:: text

    limits     how long a client may take, and how much it may use
    admission  counts the connections and requests of a server, and closes connections whose deadline has passed
    reading    reads requests, in slices
    protocol   uvicorn's protocol of a connection, with these limits
    quick      a connection with a shortcut for requests to /score
    turns      the requests that arrive in one turn of the event loop, and are scored together
    answers    encodes the answers that a connection sends itself
    listener   the socket that listens for connections
    server     uvicorn's server, with a handover to the next server that loses no request
"""

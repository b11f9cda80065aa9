"""The connections of the server: their limits and deadlines, and their end when another server takes over.

.. code-block:: text

    limits     how long a client may take, and how much it may use
    admission  counts the connections and requests of a server, and closes connections whose deadline has passed
    reading    reads requests, in slices
    protocol   a connection: uvicorn's protocol, with these limits
    quick      a connection with a shortcut for requests to /score
    repeats    the heads that clients send again with each request
    turns      the requests that arrive in one turn of the event loop, and are scored together
    answers    encodes the answers that a connection sends without uvicorn
    board      the memory and the sockets that the workers share
    peers      the workers, which hand connections to each other
    listener   the socket that listens for connections
    server     uvicorn's server, which loses no request when the next server takes over
"""

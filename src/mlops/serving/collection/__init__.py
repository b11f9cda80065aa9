"""The collection of inputs and predictions: segments on this machine, and their upload.

Each worker of a service appends to a segment of its own. All records of one turn of the event loop are one frame, which
is written before the answers leave. A closed segment is compressed and uploaded by a separate process,
``python -m serving.collection``.

.. code-block:: text

    __main__     the uploader as a program
    settings     what is collected, where to, and the limits
    frames       payloads with a length and a checksum
    segments     the files: written, closed, recovered after a crash, read
    layout       the content of a segment: its header, and the records of each turn
    packing      rows and predictions as they are stored; columns that are left out or hashed
    collector    collects the requests of a worker, within a limit of disk space
    turns        one write for all requests of a turn of the event loop, or for each request of a thread
    stores       the places to which segments are uploaded: a folder, or any URL of fsspec
    uploader     uploads closed segments, and deletes old uploads
    children     starts the uploader beside a service, and restarts it
    unpacking    the columns of a segment as arrays
    forgetting   removes the rows of a person from a segment
"""

"""The collection of inputs and predictions in local files, called segments, and the upload of these files.

Each worker of a service appends to its own segment. The requests that a worker scores together become one frame, which
is written to the segment before the answers are sent. A separate process, ``python -m serving.collection``, compresses
closed segments and uploads them.

.. code-block:: text

    __main__       the uploader as a program
    settings       what is collected, where it is stored, and the limits
    frames         payloads with a length and a checksum
    segments       the files: written, closed, recovered after a crash, read
    layout         the content of a segment: its header, and the records of each turn
    packing        converts rows and predictions to the form in which they are stored; omits or hashes columns
    collector      collects the requests of a worker, within a limit of disk space
    turns          writes all requests of one turn of the event loop together; without an event loop, one at a time
    stores         the places to which segments are uploaded: a folder, or any URL of fsspec
    uploader       uploads closed segments, and deletes old uploads
    families       the metrics of collected rows: those that wait for their upload, the uploads, and the drift
    distributions  counts how many collected values are in each bin of the training data
    drift          compares these counts with those of the training data, as metrics
    opening        starts the collection of a service
    children       starts the uploader beside a service, and restarts it
    unpacking      returns the columns of a segment as arrays
    forgetting     removes the rows of a person from a segment
"""

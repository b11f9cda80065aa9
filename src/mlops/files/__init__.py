"""Files: atomic writes, hashes, storage by content, and records in JSON.

.. code-block:: text

    atomic     writes files atomically, and creates folders whose names are not in use yet
    hashes     hashes that show whether files have changed
    contents   stores files with the same content only once
    records    reads JSON files as objects of a given type, and checks their format numbers
    disk       explains errors that a full disk causes
    databases  copies SQLite databases while they are in use
    lines      reads the last lines of a log, and each line that is added later
    urls       finds the paths of ``file://`` URLs
"""

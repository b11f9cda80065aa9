"""Files: whole or missing, hashed, stored by content, and read back as records.

.. code-block:: text

    atomic     files that are whole or missing, and folders that are certainly new
    hashes     the hashes that show whether files have changed
    contents   files that are stored only once if their content is the same
    records    JSON files that are read back into a type, and their format numbers
    disk       a full disk, explained
    databases  SQLite databases, copied while they are in use
    urls       the paths of files that are named by a URL
"""

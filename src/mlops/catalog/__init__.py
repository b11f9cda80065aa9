"""The rows that services collected: reading them as one table, and removing a person's rows.

.. code-block:: text

    segments    reads the segments (files of rows) of a service, local and uploaded, each of them once
    collected   the rows as one table
    forgetting  removes a person's rows, and finds the data sets and models that contain them
"""

"""The rows that services collected: their segments and uploads as one table, and the removal of a person's rows.

.. code-block:: text

    segments    the segments of a service, local and uploaded, each of them once
    collected   the rows as one table
    forgetting  removes a person's rows, and finds the data sets and models that contain them
"""

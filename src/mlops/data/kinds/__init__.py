"""The kinds of columns: number, category, boolean, date and id. The same values give the same result from any file.

.. code-block:: text

    parsing      the values of a column of any type, as the kind that the problem declares
    conversion   a table with the types of its declared kinds
"""

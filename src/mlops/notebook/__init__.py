"""What a notebook imports to be one of these notebooks.

.. code-block:: text

    handoff   the results that it glues, and those of the notebooks before it, in scrapbook's format
    figures   its pictures, with a text for those who cannot see them
"""

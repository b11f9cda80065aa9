"""The pages of a project: a report per executed notebook, and an index of all runs.

.. code-block:: text

    verdict       the verdict of a step; the marks on cells that did not run
    refusals      descriptions of a failed data test or service test
    environments  the services of the environments, at the top of the index
    report        one executed notebook as a self-contained HTML file
    outputs       the outputs of a cell in a report
    highlighting  the colours of code in a report
    cleaning      the cleaning of HTML
    tables        the alignment of tables in HTML
    index         the page of all runs
    reporter      the listener that writes reports and the index during a run
    sweep_page    the page of a sweep
    sweep_plot    the plot on the page of a sweep
    page          the frame of all pages except reports; the style of all pages
"""

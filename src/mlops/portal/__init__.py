"""The pages that people read: a report of every executed notebook, and an index over all runs.

.. code-block:: text

    verdict       how a step ended, and what of its notebook did not run
    environments  what each environment serves, at the top of the index
    report        one executed notebook as a self-contained HTML file
    outputs       what a report shows of the outputs of a cell
    index         the page over all runs
    reporter      the listener that writes both during a run
    sweep_page    the page of a sweep
    sweep_plot    its plot
    page          what all pages share: style, escaping
"""

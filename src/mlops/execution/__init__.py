"""The execution of one notebook with papermill, with a correct outcome and little overhead.

This package corrects papermill in several ways. A killed kernel, a hang, or ``sys.exit(0)`` fails the notebook
and marks the cell that caused it. The file of the notebook is either complete or absent. Secrets are redacted in files
and messages. No other package imports papermill. A run whose steps are all unchanged does not import it either.

.. code-block:: text

    notebook    executes one notebook
    lean_papermill  imports papermill without cloud storage
    engine      papermill's engine: deadlines, dead kernels, progress by cell
    messages    papermill's client: an output that a notebook cannot hold fails its cell
    client      the kernel's client, which uses sockets in a private folder
    kernel_log  the text that a kernel writes outside of its notebook
    cells       the names of cells in messages
    source      checks that a notebook can be executed
    store       saves the executed notebook, complete and without secrets
    cancel      ends notebooks from another thread
    pool        executes several notebooks at a time, in threads
"""

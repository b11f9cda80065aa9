"""The execution of notebooks with papermill.

.. code-block:: text

    notebook    executes one notebook
    lean_papermill  imports papermill without its clients for cloud storage
    engine      papermill's engine, which handles time limits, dead kernels and progress
    messages    papermill's client, which fails a cell if the notebook cannot store the cell's output
    kernel      starts and ends the kernel of one notebook
    spare       starts a kernel in advance, while earlier notebooks still run
    client      the kernel's client, which connects over sockets in a private folder
    kernel_log  keeps the text that a kernel writes to standard error
    cells       describes cells and errors for messages
    source      checks that a notebook can be executed
    store       saves the executed notebook, complete and without secrets
    cancel      cancels notebooks from another thread
    pool        executes several notebooks at a time, in threads
"""

# Unlike with plain papermill, if the kernel is killed or hangs, or the notebook calls `sys.exit(0)`, the notebook
# fails, and the cell that was running is marked. The executed copy is either complete or absent. Secrets are redacted
# in files and messages.

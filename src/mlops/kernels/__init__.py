"""Warm kernels: Jupyter kernels forked from a parent process that has already imported the libraries.

See docs/kernels.md for their limits, and for how they differ from fresh kernels.

.. code-block:: text

    provisioner      the class that jupyter_client calls; falls back to a fresh kernel
    launch           launches one kernel
    parent_client    finds or starts a parent, and asks it to fork a kernel or a command
    limit            limits the number of parents that stay alive
    running_parents  lists and stops the running parents, for `mlops kernels`
    leftovers        lists and deletes files of parents that no longer run, for `mlops prune`
    parent           the process that imports libraries, forks on request, and ends when it is idle
    needs            finds the packages that a notebook imports
    install          writes the kernelspec that names the provisioner
    key              the key of a parent: a kernel and the parent that forks it always have the same key
    socket_folder    the folder for the sockets of parents
    request          the options with which a parent is started, and the requests to it
    process          a forked process, as its client sees it
    stopped          detects a parent that does not answer because it is stopped
    messages         messages between a parent and its clients
"""

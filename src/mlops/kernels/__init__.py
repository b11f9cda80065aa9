"""Warm kernels: Jupyter kernels forked from a parent process that has already imported the libraries.

The kernelspec names a kernel provisioner of `jupyter_client`, so papermill, nbclient, nbval and JupyterLab use warm
kernels without any change. docs/kernels.md describes them, their limits, and how they differ from fresh kernels.

.. code-block:: text

    provisioner      the class that jupyter_client calls; falls back to a fresh kernel
    launch           launches one kernel
    parent_client    finds or starts a parent, and asks it to fork a kernel or a command
    limit            limits the number of parents that stay alive
    running_parents  lists and stops the running parents, for `mlops kernels`
    leftovers        lists and deletes the files that ended parents left behind, for `mlops prune`
    parent           the process that imports, forks on request, and ends when it is idle
    needs            the packages that a notebook imports; its kernel is forked as soon as the parent has them
    install          writes the kernelspec that names the provisioner

Clients and parents both use key (the conditions under which a parent suits a kernel), socket_folder, request, process
and messages.
"""

"""Warm kernels: Jupyter kernels forked from a parent process that has already imported the libraries.

The kernelspec names a class that `jupyter_client` calls to start kernels, so papermill, nbclient, nbval and JupyterLab
use warm kernels without any change. docs/kernels.md describes warm kernels, their limits, and how they differ from
fresh ones.

.. code-block:: text

    provisioner      the class that jupyter_client calls; falls back to a fresh kernel
    launch           launches one kernel
    parent_client    finds or starts a parent, and asks it to fork a kernel or a command
    limit            limits the number of parents that stay alive
    running_parents  lists and stops the running parents, for `mlops kernels`
    leftovers        lists and deletes files of parents that no longer run, for `mlops prune`
    parent           the process that imports libraries, forks on request, and ends when it is idle
    needs            finds the packages that a notebook imports; its kernel is forked once they are imported
    install          writes the kernelspec that names the provisioner

Clients and parents share these modules: key (it decides which parent suits a kernel), socket_folder, request, process
and messages.
"""

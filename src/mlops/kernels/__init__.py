"""Warm kernels: Jupyter kernels forked from a parent process that has imported the libraries already.

The kernelspec names a kernel provisioner of `jupyter_client`, so that papermill, nbclient, nbval and JupyterLab use
them unchanged. What they are, what differs from a fresh kernel, and their limits: docs/kernels.md.

.. code-block:: text

    provisioner      what jupyter_client calls; falls back to a fresh kernel
    launch           the launch of one kernel
    parent_client    finds or starts a parent, has it fork a kernel or a command
    limit            how many parents stay alive
    running_parents  the parents that run now, for `mlops kernels`
    leftovers        what parents that ended have left, for `mlops prune`
    parent           the process that imports (preload), forks on request, and ends
    child            what makes a fork equal to a process that was started afresh
    install          the kernelspec that names the provisioner

Client and parent share key (what a parent must have in common with a kernel), socket_folder, request, process and
messages.
"""

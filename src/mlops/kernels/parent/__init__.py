"""The parent of the warm kernels: a process that imports libraries once, and forks kernels and commands on request.

The parent forks a kernel as soon as it has imported the packages that the kernel's notebook needs.

.. code-block:: text

    client                               parent
    connects                 ->
                             <-          {"pid": ..., "pending": [packages]} or {"problem": ...}
    {"ask": "fork", ...} + files ->      imports what the request needs, then forks
                             <-          {"pid": ...} + pidfd
                             <-          {"exit": code}

If a client closes its connection, the parent kills the process that it forked for this client.

.. code-block:: text

    __main__    the main program
    server      answers clients between two imports
    forks       the running forks, and the requests that wait for imports
    importer    imports one module at a time
    rehearsals  the first-time work of libraries: slow work at first use, such as finding fonts
    sources     checks whether the files of imported modules have changed since the import
    application prepares ipykernel for all kernels
    child       makes a fork behave like a fresh process
"""

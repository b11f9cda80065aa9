"""The parent of the warm kernels: a process that imports once, and forks kernels and commands on request.

It has one thread, no zmq context and no signal handlers. It forks a kernel as soon as it has imported what the kernel
needs, and continues with what the notebooks beside it need. The rest waits until no kernel has started or ended for a
while, because a request cannot interrupt an import.

.. code-block:: text

    client                               parent
    connects                 ->
                             <-          {"pid": ..., "pending": [packages]} or {"problem": ...}
    {"ask": "fork", ...} + files ->      imports what the request needs, then forks
                             <-          {"pid": ...} + pidfd
                             <-          {"exit": code}

If a connection closes, its fork is killed.

.. code-block:: text

    __main__    the process
    server      answers clients, between one import and the next
    forks       the running forks, and the requests that wait for imports
    importer    the imports, one module at a time
    rehearsals  the slow first-time work of libraries, done once in the parent
    sources     whether the files of imported modules have changed since
    child       turns a fork into the equal of a fresh process
"""

"""Reports of requests, failures and metrics for Application Insights (Azure Monitor).

A worker reports a random share of its requests, and each failure, in a named pipe. It never waits: if the pipe is full,
the report is lost, and counted. Another process, the sender, reads the pipe and posts the reports together with the
metrics of all workers. So a slow or unavailable endpoint cannot delay a request.

.. code-block:: text

    reports      what a worker reports: requests and failures, but neither rows nor predictions nor keys
    pipe         the named pipe between the workers and the sender
    reporter     chooses the requests that a worker reports
    items        reports and metrics in the format of Application Insights
    meter        the changes of the metrics since they were last measured
    endpoint     the requests to Application Insights, and its answers
    sender       the items that are not accepted yet, and their retries
    families     the counts of the sender, for /metrics
    settings     the connection string, the share of the requests and the name of the service
    opening      starts the sender and the reporters of a service
    containers   opens the recorder of a worker of Azure's inference server, and starts its sender
    __main__     the sender as a program
"""

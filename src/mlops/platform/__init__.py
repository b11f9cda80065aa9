"""The interface that every platform implements: protocols, and the value types that they exchange.

.. code-block:: text

    backend            Backend: a platform and its parts
    trainings          Tracker: trainings with their parameters, metrics and files; TrackingPage: their web page
    models             Registry: versions of models, one of which is the champion
    images             Images: scoring images, found by digest
    services           Services: the deployed images, one per environment
    service_processes  ServiceEnvironments: the virtual environments of services; ServiceLogs, ServiceProcesses: their
                       logs and states
    datasets           Datasets: versions of the training data; Arrivals: new files in a watched folder;
                       Collections: the rows that services collect
    secrets            Secrets: secrets, and the keys of services
    pipelines          Pipelines: the published pipeline and its runs; Triggers: its schedule, and its trigger for
                       new data
    submission         Submission: a request to start the published pipeline
    jobs               Job: one step of a submitted run; Jobs: finds the job that the current process executes
    infrastructure     Infrastructure: set-up and deletion of a platform's resources
    billing            Billing: the billable quantities of a month
    telemetry          Telemetry: sends finished runs to the platform's monitoring
    upgrades           Upgrades: upgrades the state that an older version of the engine created
    leftovers          Leftovers: deletes state that is no longer needed
    secret_variables   reads secrets from environment variables, on every platform
"""

"""The tags of a registered version of a model."""

OVERRIDE_REASON, OVERRIDDEN_BY = "override_reason", "overridden_by"
# The tags besides those of the version's metrics and hyperparameters.
VERSION_TAGS = frozenset(
    ("BuildId", "BuildUri", "champion", "files", "notebooks", "problem", "reason", "run_id", "schema")
) | {OVERRIDE_REASON, OVERRIDDEN_BY}

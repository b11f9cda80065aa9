"""The tags of a registered version of a model."""

OVERRIDE_REASON, OVERRIDDEN_BY = "override_reason", "overridden_by"
# The names of all tags, except the tags that have a metric or a hyperparameter of the version.
VERSION_TAGS = frozenset(
    ("BuildId", "BuildUri", "champion", "files", "notebooks", "problem", "reason", "run_id", "schema")
) | {OVERRIDE_REASON, OVERRIDDEN_BY}

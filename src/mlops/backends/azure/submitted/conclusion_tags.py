"""The tags that record how a submitted run ended."""

from collections.abc import Mapping

from mlops.record.conclusion import Conclusion

OUTCOME, REASON, MODEL_NAME, MODEL_VERSION, SKIPPED = "outcome", "reason", "model_name", "model_version", "skipped_"
OVERRIDE = "override"
LONGEST = 256  # maximum length of a tag's value, in characters


def write_conclusion(conclusion: Conclusion) -> dict[str, str]:
    """Return the tags that record a run's conclusion. Fields that are empty get no tag."""
    tags = {
        OUTCOME: conclusion.outcome,
        REASON: conclusion.reason,
        MODEL_NAME: conclusion.model_name,
        MODEL_VERSION: str(conclusion.model_version or ""),
        OVERRIDE: conclusion.override,
        **{f"{SKIPPED}{step}": reason for step, reason in conclusion.skipped.items()},
    }
    return {name: value[:LONGEST] for name, value in tags.items() if value}


def read_conclusion(tags: Mapping[str, str]) -> Conclusion:
    """Return the conclusion that is recorded in the tags of a run."""
    version = tags.get(MODEL_VERSION, "")
    return Conclusion(
        outcome=tags.get(OUTCOME, ""),
        reason=tags.get(REASON, ""),
        model_name=tags.get(MODEL_NAME, ""),
        model_version=int(version) if version.isdecimal() else 0,
        override=tags.get(OVERRIDE, ""),
        skipped={name.removeprefix(SKIPPED): reason for name, reason in tags.items() if name.startswith(SKIPPED)},
    )


def list_other_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a run that do not record its conclusion."""
    own = (OUTCOME, REASON, MODEL_NAME, MODEL_VERSION, OVERRIDE)
    return {name: value for name, value in tags.items() if name not in own and not name.startswith(SKIPPED)}

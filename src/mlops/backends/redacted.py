"""Wrappers around a platform's tracker and registry. The wrappers redact secrets before anything is recorded."""

from collections.abc import Mapping
from pathlib import Path

from mlops.platform.models import ModelVersion, Registry
from mlops.platform.secrets import Secrets
from mlops.platform.trainings import SweepState, Tracker, TrainingOrigin, TrainingRun
from mlops.record.redaction import make_redactor, redact_record


class RedactedTracker:
    """A tracker of trainings that redacts every text before recording it; see `mlops.platform.trainings.Tracker`.

    Parameters
    ----------
    tracker : Tracker
        The tracker that records the redacted texts.
    secrets : Secrets
        The secrets to redact.
    """

    def __init__(self, tracker: Tracker, secrets: Secrets) -> None:
        self._tracker = tracker
        self._secrets = secrets

    def log_training(
        self,
        *,
        parameters: Mapping[str, object],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Path,
        plots: Path | None = None,
        sweep: str = "",
        pipeline_run: str = "",
        origin: TrainingOrigin | None = None,
    ) -> TrainingRun:
        """See `Tracker`."""
        secrets = tuple(self._secrets.list_values())
        redactor = make_redactor(secrets)
        return self._tracker.log_training(
            parameters=redactor.redact_value(parameters),
            metrics=redactor.redact_value(metrics),
            tags=redactor.redact_value(tags),
            files=files,
            plots=plots,
            sweep=redactor.redact_value(sweep),
            pipeline_run=redactor.redact_value(pipeline_run),
            origin=redact_record(origin, secrets) if origin else None,
        )

    def start_sweep(self, name: str, parameters: Mapping[str, object]) -> str:
        """See `Tracker`."""
        redactor = make_redactor(self._secrets.list_values())
        return self._tracker.start_sweep(redactor.redact_value(name), redactor.redact_value(parameters))

    def end_sweep(
        self, sweep: str, *, state: SweepState, parameters: Mapping[str, object], metrics: Mapping[str, float]
    ) -> None:
        """See `Tracker`."""
        redactor = make_redactor(self._secrets.list_values())
        self._tracker.end_sweep(
            sweep,
            state=state,
            parameters=redactor.redact_value(parameters),
            metrics=redactor.redact_value(metrics),
        )

    def has_files(self, run: TrainingRun) -> bool:
        """See `Tracker`."""
        return self._tracker.has_files(run)

    def keep_rows(self, content: bytes) -> str:
        """See `Tracker`."""
        return self._tracker.keep_rows(content)

    def fetch_rows(self, sha256: str) -> bytes | None:
        """See `Tracker`."""
        return self._tracker.fetch_rows(sha256)

    def fetch_files(self, run: TrainingRun, folder: Path) -> Path:
        """See `Tracker`."""
        return self._tracker.fetch_files(run, folder)


class RedactedRegistry:
    """A registry of models that redacts every text before recording it; see `mlops.platform.models.Registry`.

    Parameters
    ----------
    registry : Registry
        The registry that records the redacted texts.
    secrets : Secrets
        The secrets to redact.
    """

    def __init__(self, registry: Registry, secrets: Secrets) -> None:
        self._registry = registry
        self._secrets = secrets

    def register(
        self, name: str, run: TrainingRun, tags: Mapping[str, str], *, expected: str | None = None
    ) -> ModelVersion:
        """See `Registry`."""
        redactor = make_redactor(self._secrets.list_values())
        return self._registry.register(
            redactor.redact_value(name), run, redactor.redact_value(tags), expected=redactor.redact_value(expected)
        )

    def promote(self, name: str, version: int, *, expected: str) -> ModelVersion:
        """See `Registry`."""
        return self._registry.promote(name, version, expected=expected)

    def find_champion(self, name: str) -> ModelVersion | None:
        """See `Registry`."""
        return self._registry.find_champion(name)

    def record_look(self, champion: ModelVersion, evidence: str) -> int:
        """See `Registry`."""
        return self._registry.record_look(champion, evidence)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        return self._registry.get_version(name, version)

    def fetch_model(self, model: ModelVersion, folder: Path) -> Path:
        """See `Registry`."""
        return self._registry.fetch_model(model, folder)

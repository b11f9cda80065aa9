"""Versions of the published pipeline, and the endpoint that starts the newest version."""

import sys
from contextlib import redirect_stdout
from functools import partial

from mlops.backends.azure.connection.answers import is_missing
from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkWorkspace
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.pipelines.run_packages import ensure_environment
from mlops.backends.azure.pipelines.schedules import Schedules
from mlops.backends.azure.pipelines.sdk_objects import SdkEndpoint, SdkPipeline, SdkPublished
from mlops.backends.azure.pipelines.sdk_steps import describe_environ, make_run_configuration, make_steps
from mlops.backends.azure.pipelines.sources import stage_sources
from mlops.errors import ComputeNotFoundError, PlatformError
from mlops.parameters.project import Project
from mlops.pipelines import PIPELINES, PUBLISHED
from mlops.platform.pipelines import PublishedPipeline
from mlops.platform.submission import Build, Submission
from mlops.record.lineage import read_commit

ABOUT = "Starts the newest version of the retraining pipeline"


class Publication:
    """The published pipeline of a workspace: its versions, and the endpoint that starts the newest version."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    @property
    def _name(self) -> str:
        return self._session.settings.require_name("pipeline")

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """Publish the current sources as version `build_id`, and make the pipeline's endpoint start this version.

        Return the published version. Safe to repeat: a version that is already published is kept.
        """
        workspace = self._session.workspace
        self._require_compute(workspace)
        doing = f"publish {self._name}"
        kept = repeat(self._session, doing, lambda: self._disable_duplicates(workspace, build_id))
        if kept is None:
            self._make_version(workspace, build_id, build_uri)
            kept = repeat(self._session, doing, lambda: self._disable_duplicates(workspace, build_id))
            if kept is None:
                raise PlatformError(
                    f"{self._name} version {build_id} disappeared right after it was published. Run `mlops publish "
                    "--platform azure` again."
                )
        endpoint = repeat(self._session, doing, partial(self._point_endpoint_to, workspace, kept))
        again = repeat(self._session, doing, lambda: self._disable_duplicates(workspace, build_id))
        if (
            again is not None and again.id != kept.id
        ):  # another process published this build at the same time, and its version is kept
            kept, endpoint = again, repeat(self._session, doing, partial(self._point_endpoint_to, workspace, again))
        self._schedule(endpoint)
        return PublishedPipeline(self._name, build_id, kept.id, endpoint.endpoint)

    def find_published(self) -> PublishedPipeline | None:
        """Return the version that the pipeline's endpoint starts, or None if nothing is published."""
        workspace = self._session.workspace
        doing = f"look up the pipeline {self._name}"
        endpoint = repeat(self._session, doing, lambda: self._find_endpoint(workspace))
        if endpoint is None:
            return None
        pipeline = repeat(self._session, doing, endpoint.get_pipeline)
        return PublishedPipeline(self._name, pipeline.version, pipeline.id, endpoint.endpoint)

    def update(self) -> None:
        """See `mlops.platform.pipelines.Triggers`. Does nothing if no pipeline is published."""
        workspace, doing = self._session.workspace, f"look up the pipeline {self._name}"
        endpoint = repeat(self._session, doing, lambda: self._find_endpoint(workspace))
        if endpoint is not None:
            self._schedule(endpoint)

    def _schedule(self, endpoint: SdkEndpoint) -> None:
        repeat(self._session, f"schedule {self._name}", lambda: Schedules(self._session).update(endpoint.id))

    def _require_compute(self, workspace: SdkWorkspace) -> None:
        from azureml.core.compute import ComputeTarget
        from azureml.core.compute_target import ComputeTargetException

        settings = self._session.settings
        name = settings.compute_name

        def call() -> None:
            try:
                ComputeTarget(workspace, name)
            except ComputeTargetException as error:
                if "ComputeTargetNotFound" not in str(error):
                    raise
                raise ComputeNotFoundError(
                    f"The workspace {workspace.name} has no compute {name!r} ({settings.name('compute_name')}). "
                    "Run `mlops provision --platform azure`."
                ) from error

        repeat(self._session, f"look up the compute {name}", call)

    def _make_version(self, workspace: SdkWorkspace, build_id: str, build_uri: str) -> None:
        from azureml.pipeline.core import Pipeline

        project, settings = self._session.project.project, self._session.settings
        parameters = Project.load(self._session.project).merge(platform="azure")
        environment = ensure_environment(self._session)
        configuration = make_run_configuration(environment, describe_environ(read_commit(project)))
        with stage_sources(project) as sources:

            def publish() -> None:
                steps = make_steps(
                    PUBLISHED,
                    PIPELINES[PUBLISHED],
                    sources=sources,
                    compute=settings.compute_name,
                    configuration=configuration,
                    defaults=Submission(model_name=str(parameters.shared.get("model_name", ""))),
                    build=Build(build_id, build_uri),
                )
                with redirect_stdout(sys.stderr):  # because the SDK prints its progress
                    self._publish_once(Pipeline(workspace, steps), workspace, build_id, build_uri)

            repeat(self._session, f"publish {self._name}", publish)

    def _publish_once(self, pipeline: SdkPipeline, workspace: SdkWorkspace, build_id: str, build_uri: str) -> None:
        if wrong := pipeline.validate():
            found = "; ".join(map(str, wrong))
            raise PlatformError(f"azureml-sdk found errors in the pipeline {self._name}: {found}. Correct its steps.")
        # An earlier attempt may have created the version although Azure's answer was lost.
        if not self._list_versions(workspace, build_id):
            pipeline.publish(name=self._name, description=build_uri or None, version=build_id)

    def _list_versions(self, workspace: SdkWorkspace, build_id: str) -> list[SdkPublished]:
        from azureml.pipeline.core import PublishedPipeline as Published

        active = Published.list(workspace)
        found = [pipeline for pipeline in active if (pipeline.name, pipeline.version) == (self._name, build_id)]
        # sorted, so that two processes that publish the same build keep the same version
        return sorted(found, key=lambda pipeline: str(pipeline.id))

    def _disable_duplicates(self, workspace: SdkWorkspace, build_id: str) -> SdkPublished | None:
        found = self._list_versions(workspace, build_id)
        for other in found[1:]:
            other.disable()
        return found[0] if found else None

    def _find_endpoint(self, workspace: SdkWorkspace) -> SdkEndpoint | None:
        from azureml.pipeline.core import PipelineEndpoint
        from msrest.exceptions import HttpOperationError

        try:
            return PipelineEndpoint.get(workspace, name=self._name)
        except HttpOperationError as error:
            if is_missing(error):
                return None
            raise

    def _point_endpoint_to(self, workspace: SdkWorkspace, pipeline: SdkPublished) -> SdkEndpoint:
        from azureml.pipeline.core import PipelineEndpoint
        from msrest.exceptions import HttpOperationError

        endpoint = self._find_endpoint(workspace)
        if endpoint is None:
            try:
                return PipelineEndpoint.publish(workspace, self._name, ABOUT, pipeline)
            except (ValueError, HttpOperationError):  # another process may have created the endpoint meanwhile
                endpoint = self._find_endpoint(workspace)
                if endpoint is None:
                    raise
        if pipeline.id not in _list_pipeline_ids(endpoint):
            try:
                endpoint.add_default(pipeline)
            except ValueError:  # another process may have added the version meanwhile
                endpoint = self._find_endpoint(workspace)
                if endpoint is None or pipeline.id not in _list_pipeline_ids(endpoint):
                    raise
        if endpoint.get_pipeline().id != pipeline.id:
            endpoint.set_default(pipeline)
        return endpoint


def _list_pipeline_ids(endpoint: SdkEndpoint) -> list[str]:
    return [version.pipeline_id for version in endpoint.pipeline_version_list]

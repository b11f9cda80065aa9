"""State in MLOPS_HOME that is no longer needed: images, environments, folders of stopped servers, staged data."""

from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, suppress
from pathlib import Path

from mlops.backends.local.datasets import LocalDatasets
from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.images import LocalImages
from mlops.backends.local.pipelines import LocalPipelines
from mlops.backends.local.registry import LocalRegistry
from mlops.backends.local.services.host import LocalHost
from mlops.files.hashes import hash_file
from mlops.image.sources import REQUIREMENTS
from mlops.platform.leftovers import Leftover
from mlops.platform.services import ENVIRONMENTS
from mlops.record.clock import from_iso
from mlops.record.removal import finish_removals, measure_size, remove_whole
from mlops.release.history import Deployment


class LocalLeftovers:
    """See `mlops.platform.leftovers.Leftovers`.

    Parameters
    ----------
    home : Path
        The folder of the local platform (``MLOPS_HOME``).
    host, images, registry, datasets, pipelines, environments
        The parts of the local platform whose state shows what is no longer needed.
    """

    def __init__(
        self,
        home: Path,
        host: LocalHost,
        images: LocalImages,
        registry: LocalRegistry,
        datasets: LocalDatasets,
        pipelines: LocalPipelines,
        environments: LocalEnvironments,
    ) -> None:
        self._home = home
        self._host = host
        self._images = images
        self._registry = registry
        self._datasets = datasets
        self._pipelines = pipelines
        self._environments = environments

    def list_references(self) -> set[str]:
        """See `Leftovers`."""
        champions = self._registry.list_champions()
        deployed = [kept for environment in ENVIRONMENTS for kept in self._list_kept(environment)]
        names = {f"{model.name}:{model.version}" for model in champions} | {kept.image for kept in deployed}
        digests = {self._images.find_digest(model) for model in champions} | {kept.digest for kept in deployed}
        return names | (digests - {""}) | {tag for model in champions for tag in model.tags.values()}

    def find(self, before: float, needed: Set[str]) -> list[Leftover]:
        """See `Leftovers`."""
        if not self._home.is_dir():
            return []
        kept = needed | self.list_references()
        unrecorded = (
            _make_leftover("run", path.name, path, (path,), submitted)
            for path, submitted in self._pipelines.list_unrecorded()
        )
        images = [image for image in self._find_images(kept) if image.last_used < before]
        found = (*unrecorded, *self._find_service_folders(), *self._find_staged(kept), *self._find_environments(images))
        return [*images, *(leftover for leftover in found if leftover.last_used < before)]

    def delete(self, before: float, needed: Set[str]) -> list[Leftover]:
        """See `Leftovers`."""
        if not self._home.is_dir():
            return []
        # Locked before the search, so that nobody can start to use state that is being deleted.
        with ExitStack() as held:
            for environment in ENVIRONMENTS:
                held.enter_context(self._host.lock(environment))
            held.enter_context(self._datasets.lock())
            held.enter_context(self._environments.lock())
            found = self.find(before, needed)
            for path in (path for leftover in found for path in leftover.paths):
                remove_whole(path)
                with suppress(OSError):  # the folder still has other content
                    path.parent.rmdir()
        for pattern in ("images", "images/models", "services/*", "datasets/*", "environments"):
            for folder in self._home.glob(pattern):
                finish_removals(folder)
        return found

    def _list_kept(self, environment: str) -> list[Deployment]:
        return self._host.look(environment).read().list_kept()

    def _find_images(self, kept: Set[str]) -> Iterator[Leftover]:
        for image in self._images.list_stored():
            if image.digest not in kept:
                name = " ".join([*(index.stem for index in image.indexes), image.digest[:19] + "…"])
                # The index files, which name the image as a model's newest, are deleted first. If the process is killed
                # between the two deletions, no index names a missing image.
                yield _make_leftover("image", name, image.folder, (*image.indexes, image.folder), image.published)

    def _find_service_folders(self) -> Iterator[Leftover]:
        for environment in ENVIRONMENTS:
            site = self._host.look(environment)
            for folder in site.list_ended():
                ended = site.read().find_replacement(folder)
                yield _make_leftover("service folder", f"{environment}/{folder.name}", folder, (folder,), ended)

    def _find_environments(self, images: Sequence[Leftover]) -> Iterator[Leftover]:
        gone = {path for image in images for path in image.paths}
        locks = [stored.folder / REQUIREMENTS for stored in self._images.list_stored() if stored.folder not in gone]
        used = {self._environments.locate(lock) for lock in locks if lock.is_file()}
        for folder in self._environments.list_stored():
            if folder not in used and folder.is_relative_to(self._home):  # other projects may use a shared folder
                yield _make_leftover("environment", folder.name, folder, (folder,))

    def _find_staged(self, kept: Set[str]) -> Iterator[Leftover]:
        mentioned = kept | {tag for tags in self._registry.list_tags() for tag in tags.values()}
        for path in self._datasets.list_staged():
            if not mentioned & {str(path), path.as_uri()} and hash_file(path) not in mentioned:
                yield _make_leftover("data", f"{path.parent.name}/{path.name}", path, (path,))


def _make_leftover(kind: str, name: str, place: Path, paths: tuple[Path, ...], recorded: str = "") -> Leftover:
    inside = [path.lstat().st_mtime for path in place.rglob("*")] if kind == "service folder" else []
    last_used = from_iso(recorded) if recorded else max(place.stat().st_mtime, *inside, 0.0)
    return Leftover(kind, name, last_used, sum(map(measure_size, paths)), paths)

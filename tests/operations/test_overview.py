"""The overview for stakeholders."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from old_homes import build_home
from opened import open_here, open_model
from tiny_model import TAGS, deploy, make_bundle, publish, register, release, track

from mlops.backends.memory import open_backend
from mlops.files.atomic import write_atomically
from mlops.operations.overview import read_overview, refresh_index
from mlops.operations.status import read_status
from mlops.platform.services import Decision, Permissions
from mlops.portal.environments import Overview, format_time, render_overview
from mlops.release.choice import choose_image
from mlops.workspace import Workspace


def test_an_older_home_says_what_it_knows(tmp_path: Path) -> None:
    production, qa = read_overview(open_here(build_home(tmp_path))).environments
    assert (production.name, qa.name) == ("production", "qa")
    assert (production.model, production.health, production.is_champion) == ("diabetes version 1", "stopped", True)
    assert production.decision == "promoted by the gate"
    assert (production.since, production.url) == ("2026-11-25T23:38:51Z", "")  # nothing is served there
    assert (production.error_name, production.error) == ("mean absolute error", "47.1 points of disease progression")


def test_nothing_is_deployed_in_an_empty_home(workspace: Workspace) -> None:
    found = read_overview(open_here(workspace))
    assert replace(found, at="") == Overview()
    assert found.at.endswith("Z")


def test_an_environment_without_a_service_is_shown_beside_one_that_has_one(
    tmp_path: Path, workspace: Workspace
) -> None:
    opened = open_model(workspace, "tiny", open_backend())
    deploy(opened.backend, "qa", publish(opened.backend, tmp_path))
    overview = read_overview(opened)
    opened.backend.services.stop("qa")
    assert [(found.name, found.model) for found in overview.environments] == [
        ("production", ""),
        ("qa", "tiny version 1"),
    ]
    assert "<article><h2>production</h2><p>Nothing is deployed yet.</p></article>" in render_overview(overview, [])


def test_the_newest_version_of_the_data_set_is_named(tmp_path: Path, workspace: Workspace) -> None:
    opened = open_here(workspace)
    (tmp_path / "new.csv").write_text("Y\n1\n")
    version = opened.backend.datasets.register(opened.backend.datasets.stage(tmp_path / "new.csv"))
    found = read_overview(opened)
    assert (found.dataset, found.dataset_url) == ("diabetes version 1", version.url)
    Path(version.url.removeprefix("file://")).write_text("Y\n2\n")
    found = read_overview(opened)
    assert (found.dataset, len(found.problems)) == ("", 1)


def test_an_index_that_is_there_is_written_again(tmp_path: Path) -> None:
    opened = open_here(build_home(tmp_path))
    index = opened.workspace.outputs / "index.html"
    index.unlink(missing_ok=True)
    refresh_index(opened)
    assert not index.exists()
    index.write_text("production is healthy")
    refresh_index(opened)
    assert "■ stopped" in index.read_text()


def test_a_version_that_was_promoted_over_the_gate_is_marked_wherever_it_serves(
    tmp_path: Path, workspace: Workspace
) -> None:
    backend: Any = open_backend()
    tags = {**TAGS, "mae": "47.0627", "override_reason": "ticket 42", "overridden_by": "alice"}
    model = backend.registry.register("tiny", track(backend, tmp_path), tags)
    backend.registry.promote("tiny", model.version, expected="")
    backend.images.publish(make_bundle(tmp_path, model, 1.0), model)
    image = choose_image(backend, "tiny")
    release(backend, image)
    backend.services.deploy(
        "production", image, ready_seconds=30, force=True, decision=Decision("bob", "a new ward", "monday")
    )
    opened = open_model(workspace, "tiny", backend)
    (production, qa) = read_overview(opened).environments
    assert production.model == "tiny version 1 (gate overruled by alice: ticket 42)"
    assert qa.model == "tiny version 1 (gate overruled)"  # the card before has the reason
    assert production.decision == "gate overruled, deployed by bob (a new ward)"
    assert (production.error, production.is_champion, production.remark) == (
        "47.1 points of disease progression",
        True,
        "",
    )
    status = read_status(opened)
    assert status.champion is not None
    assert status.champion_title == production.model
    service = status.standings[1].service
    assert status.name_model(service) == service.model == "tiny version 1 (gate overruled)"
    assert replace(status, champion=None).name_model(service) == production.model
    backend.services.stop("production")


def test_a_tag_that_is_not_a_number_is_a_remark_and_no_error(tmp_path: Path, workspace: Workspace) -> None:
    backend: Any = open_backend()
    model = backend.registry.register("tiny", track(backend, tmp_path), {**TAGS, "mae": "much"})
    backend.registry.promote("tiny", model.version, expected="")
    release(backend, backend.images.publish(make_bundle(tmp_path, model, 1.0), model))
    opened = open_model(workspace, "tiny", backend)
    found = read_overview(opened).environments[0]
    backend.services.stop("production")
    assert (found.error, found.remark) == ("", "The tag mae of tiny version 1 is 'much', which is not a number.")


def test_a_platform_that_cannot_be_read_is_a_problem_and_no_error(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    (tmp_path / "home" / "mlflow.db").write_bytes(b"\x80" * 2000)
    found = read_overview(open_here(workspace))
    assert [str(tmp_path / "home" / "mlflow.db") in problem for problem in found.problems] == [True]
    assert [(card.name, card.is_champion) for card in found.environments] == [("production", None), ("qa", None)]


def test_after_the_champion_was_deleted_it_is_unknown_whether_it_serves(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    write_atomically(workspace.home / "champions" / "diabetes.json", '{"version": 1}')
    with closing(sqlite3.connect(workspace.home / "mlflow.db")) as database, database:
        database.execute("DELETE FROM model_version_tags WHERE key = 'champion'")
    found = read_overview(open_here(workspace))
    assert [(card.model, card.is_champion) for card in found.environments] == [("diabetes version 1", None)] * 2
    assert len(found.problems) == 1
    assert found.problems[0].startswith("The champion of 'diabetes', version 1, lost its tag")


def test_the_card_of_a_version_that_was_deleted_advises_no_training(tmp_path: Path) -> None:
    """The deleted version may be the champion; then a training would be refused."""
    workspace = build_home(tmp_path)
    with closing(sqlite3.connect(workspace.home / "mlflow.db")) as database, database:
        database.execute("DELETE FROM model_version_tags")
        database.execute("DELETE FROM model_versions")
    said = "The prediction error is unknown, because the registry no longer has diabetes version 1."
    assert [card.remark for card in read_overview(open_here(workspace)).environments] == [said, said]


def test_the_problem_of_an_environment_is_told_once(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    (workspace.home / "services" / "production.json").write_text("{")
    found = read_overview(open_here(workspace))
    assert [card.is_champion for card in found.environments] == [None, True]
    assert "production.json is damaged" in found.environments[0].remark
    assert found.problems == ()


def test_the_index_is_about_the_project_s_model_whatever_a_run_was_asked_for(
    tmp_path: Path, workspace: Workspace
) -> None:
    backend: Any = open_backend()
    for name in ("tiny", "other"):
        model = register(backend, tmp_path, name=name)
        backend.registry.promote(name, model.version, expected="")
    release(backend, backend.images.publish(make_bundle(tmp_path, model, 1.0), model))
    of_other = replace(open_here(workspace, "shared.model_name=other"), backend=backend)
    assert of_other.model_name == "other"
    asked = open_model(workspace, "tiny", backend).project
    found = read_overview(replace(of_other, project=asked)).environments[0]
    backend.services.stop("production")
    assert (found.model, found.is_champion) == ("other version 1", False)
    assert found.remark.startswith("It does not serve the champion, tiny version 1, but a different model, other.")


def test_keys_that_were_swapped_are_a_remark(tmp_path: Path, workspace: Workspace) -> None:
    backend: Any = open_backend()
    model = register(backend, tmp_path)
    backend.registry.promote("tiny", model.version, expected="")
    release(backend, backend.images.publish(make_bundle(tmp_path, model, 1.0), model))
    opened = open_model(workspace, "tiny", backend)
    assert [found.remark for found in read_overview(opened).environments] == ["", ""]
    with backend.secrets.replace_keys("production", keep_primary=False):
        pass
    (production, qa) = read_overview(opened).environments
    backend.services.stop("production")
    said = "It does not accept the stored keys. Run `mlops keys production --rotate` to give it new ones."
    assert (production.health, production.remark, qa.remark) == ("healthy", said, "")


def test_a_version_that_is_deployed_again_after_its_rollback_is_shown_as_such(
    tmp_path: Path, workspace: Workspace
) -> None:
    backend: Any = open_backend()
    images = [publish(backend, tmp_path, number) for number in (1.0, 2.0)]
    for image in images:
        release(backend, image)
    backend.services.roll_back("production", Decision("ann", "too slow", "run"))
    for environment in ("qa", "production"):
        deploy(backend, environment, images[1], allowed=Permissions(redeploy=True))
        backend.services.record_test(environment, images[1].digest, passed=True)
    opened = open_model(workspace, "tiny", backend)
    (production, qa), rollback = read_overview(opened).environments, read_status(opened).rollbacks[0]
    for environment in ("qa", "production"):
        backend.services.stop(environment)
    said = f"although it was rolled back on {format_time(rollback.at)} by ann (too slow)"
    assert production.decision == f"promoted by the gate, deployed again, {said}"
    assert qa.decision == "promoted by the gate"


def test_another_model_of_the_same_number_lends_neither_its_error_nor_its_promotion(
    tmp_path: Path, workspace: Workspace
) -> None:
    backend, restored = open_backend(), open_backend()
    image = publish(backend, tmp_path)
    backend.registry.promote("tiny", image.model_version, expected="")
    release(backend, choose_image(backend, "tiny"))
    other = restored.registry.register("tiny", track(restored, tmp_path, 2.0), {**TAGS, "mae": "59.2"})
    restored.registry.promote("tiny", other.version, expected="")
    (production, qa) = read_overview(
        open_model(workspace, "tiny", replace(backend, registry=restored.registry))
    ).environments
    backend.services.stop("production")
    said = "The prediction error is unknown, because the registry now holds a different model as tiny version 1."
    for card in (production, qa):
        assert (card.model, card.error, card.decision, card.is_champion) == ("tiny version 1", "", "", False)
    assert production.remark == (
        "It does not serve the champion, tiny version 1, but an older tiny version 1, from another training. "
        f"Release it with `mlops run release`. {said}"
    )
    assert qa.remark == said


def test_a_version_that_was_restored_after_a_failed_test_is_shown_as_such(tmp_path: Path, workspace: Workspace) -> None:
    backend = open_backend()
    good, bad = (publish(backend, tmp_path, number) for number in (1.0, 2.0))
    release(backend, good)
    deploy(backend, "qa", bad)
    backend.services.record_test("qa", bad.digest, passed=True)
    backend.services.deploy("production", bad, ready_seconds=30, force=False, decision=Decision("root", run_id="run"))
    backend.services.record_test("production", bad.digest, passed=False)
    production = read_overview(open_model(workspace, "tiny", backend)).environments[0]
    for environment in ("qa", "production"):
        backend.services.stop(environment)
    assert production.model == "tiny version 1"
    assert production.decision == (
        "promoted by the gate, restored after tiny version 2 failed its test (deployed by root)"
    )

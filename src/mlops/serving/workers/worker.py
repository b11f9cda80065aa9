"""A worker: it has the model, and answers requests."""

import asyncio
import logging
import os
import socket
from argparse import Namespace
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..app import Application
from ..collection.opening import open_collection
from ..collection.settings import Folders
from ..connections.limits import Limits
from ..connections.peers import Peers
from ..connections.server import Server
from ..documents import read_documents
from ..entry.scorer import describe_script, open_scorer
from ..entry.variables import set_variables
from ..identity import read_identity
from ..log import WORKER_NUMBER
from ..metrics.age import describe_age
from ..metrics.page import Describe, MetricsPage
from ..metrics.recorder import Recorder
from ..metrics.slots import open_slots
from ..schema import Schema, read_schema
from ..scoring import Scorer
from ..script import Script, load_script
from ..telemetry.families import describe_telemetry
from ..telemetry.opening import open_reporter
from .configuration import load_configuration
from .families import describe_supervisor
from .starting import METRICS, Channels
from .warming import warm_up

APP = "app"  # the folder that a scoring script takes for the root folder of a container


def _refuse(data: Any) -> Any:
    raise AssertionError("a service that is failing scores no rows")


REFUSING = Script(_refuse)


@dataclass(frozen=True)
class Model:
    """The model of an image: its identity, schema and scoring script. If the script is None, nothing is scored."""

    identity: dict[str, Any]
    schema: Schema | None
    script: Script | None


def load_model(options: Namespace) -> Model:
    """Load the model of an image, score the example of the image, and return the model.

    Raises
    ------
    WarmUpFailed
        If the example cannot be scored.
    """
    set_variables(options.bundle, options.ready.with_name(APP))
    model = replace(describe_model(options), script=load_script(options.bundle / "score.py"))
    scorer = open_scorer(model.script or REFUSING, model.schema)
    if isinstance(scorer, Scorer):  # otherwise, only the script knows how a request looks
        warm_up(scorer.score, options.bundle)
    return model


def describe_model(options: Namespace) -> Model:
    """Return the model of an image, but do not load its scoring script."""
    return Model(read_identity(options.bundle), read_schema(options.bundle), None)


class Worker(Server):
    """A server that ends when its supervisor ends.

    Parameters
    ----------
    application, limits
        See `Server`.
    channels : Channels
        What the worker gets from its supervisor.
    """

    def __init__(self, application: Application, limits: Limits, channels: Channels) -> None:
        board = channels.board
        peers = Peers(board, int(os.environ[WORKER_NUMBER])) if len(board.boxes) > 2 else None
        super().__init__(application, limits, channels.listener, peers)
        self._channels = channels

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._channels.lifeline, self._lose_supervisor)
        self._channels.report_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._application.close()

    def _lose_supervisor(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channels.lifeline)
        logging.warning("The supervisor of this service ended. Shutting down.")
        self.should_exit = True


def run_worker(options: Namespace, model: Model, channels: Channels) -> None:
    """Answer requests until a signal arrives or the supervisor ends.

    Parameters
    ----------
    options : Namespace
        The options of ``python -m serving``.
    model : Model
        The model.
    channels : Channels
        What the worker gets from its supervisor.
    """
    folder = options.ready.parent
    folders = Folders(options.bundle, folder / METRICS)
    configuration = load_configuration(channels.configuration)
    collector = None
    if model.script and configuration.collection:
        collector = open_collection(configuration.collection, model.identity, model.schema, folders)
    recorder = Recorder(open_slots(folder / METRICS), open_reporter(folder / METRICS))
    scorer = open_scorer(model.script or REFUSING, model.schema, collector.pack if collector else None, recorder)
    described = partial(describe_supervisor, folder), partial(describe_telemetry, folder / METRICS)
    describe: list[Describe] = [describe_age, *described]
    if collector:
        recorder.watch(collector.measure)
        describe.append(collector.describe)
    metrics = MetricsPage(recorder, model.identity, folder / METRICS, describe)
    documents = describe_script(model.script or REFUSING, read_documents(options.bundle))
    application = Application(scorer, configuration.keys, model.identity, documents, collector, metrics)
    if not model.script:
        application.state = "failing"
    limits = Limits(**{name: getattr(options, name) for name in Limits.__dataclass_fields__})
    Worker(application, limits, channels).run()

"""`tiffin register`, `build` and `containerize`: from a model file to what can be served."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import FileLock
from rich.console import Console

from tiffin.cli.console import plain_console, working
from tiffin.cli.curl_line import curl_line
from tiffin.cli.typed import typed
from tiffin.errors import RefusedError, UnavailableError
from tiffin.home import PROJECT, TiffinHome
from tiffin.services.catalog import ServiceFolder, load_service
from tiffin.services.spec import Kind, Service

if TYPE_CHECKING:
    from tiffin.cli.model_story import Line, ServiceFile
    from tiffin.packaging.on_demand import Built
    from tiffin.registration.registering import Registered
    from tiffin.registry.mlflow_publishing import MlflowPublisher

_SERVICES = PROJECT / "include" / "services"
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; progress goes to stderr.")]
_Reference = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE[:VERSION|@ALIAS]",
        help="A service, or its file; without a version the newest one.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("register")(register_model)
    for command in (build, containerize):
        app.command()(command)


def register_model(
    file: Annotated[Path, typer.Argument(help="A model's file, or a folder that MLflow saved.")],
    name: Annotated[str, typer.Option(help="What to call the model and its service.")],
    data: Annotated[
        Path | None, typer.Option(help="A CSV file of rows it was not trained on, with the truth.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column with the truth, where that is not plain.")
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="What it answers with, where the model does not tell.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME=FLOOR for the service file; may be given again."),
    ] = None,
    python: Annotated[
        Path | None, typer.Option(help="A Python with torch, for a network of torch's.")
    ] = None,
    service_file: Annotated[
        Path | None, typer.Option(help="Where the service file goes, when there is none yet.")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Register a model file in MLflow with all that a release asks for, and write a service file.

    The framework, the kind, the columns, the truth and the metrics are found out. The same file
    and sample are registered once.
    """
    from tiffin.cli.model_story import registered_json, registered_lines
    from tiffin.registration.examining import Wish
    from tiffin.registration.registering import register

    home, console = TiffinHome.from_environment(), plain_console(stderr=as_json)
    wish = Wish(file, name, data, target, kind, python)
    with working(console, f"Looking for MLflow at {home.url('mlflow')}") as say:
        registered = register(wish, home, _mlflow_of(home), say)
    service = _service_file(home, registered, service_file, metric or [])
    version = registered.version
    page = f"{home.url('mlflow')}/#/models/{version.name}/versions/{version.version}"
    if as_json:
        print(json.dumps(registered_json(registered, service, page, typed("tiffin"))))
    else:
        _print(registered_lines(registered, service, page, typed("tiffin")), console)


def build(service: _Reference, as_json: _AsJson = False) -> None:
    """Build the bento of a registered version: what is served, on any machine."""
    from tiffin.cli.model_story import built_json, built_lines

    home, console = TiffinHome.from_environment(), plain_console(stderr=as_json)
    built, store = _build(home, service, console), home.folder("bentoml")
    if as_json:
        print(json.dumps(built_json(built, store)))
    else:
        _print(built_lines(built, store, typed("bentoml")), console)


def containerize(
    service: _Reference,
    image: Annotated[str | None, typer.Option(help="Its name; default: the bento's tag.")] = None,
    as_json: _AsJson = False,
) -> None:
    """Build a container image of the bento, with the container engine that is here."""
    from tiffin.packaging.container_image import build_image, find_engine

    home, console = TiffinHome.from_environment(), plain_console(stderr=as_json)
    engine = find_engine()
    bento = _build(home, service, console).bento
    name, progress = image or bento.tag, plain_console(stderr=True)

    def say(line: str) -> None:
        progress.print(f"  {line}", markup=False, soft_wrap=True)

    build_image(home.folder("bentoml"), bento.tag, name, engine, say)
    if as_json:
        print(json.dumps({"image": name, "engine": engine, "bento": bento.tag}))
    else:
        _print([("image", name), ("serve", f"{engine} run -p 3000:3000 {name}")], console)


def _mlflow_of(home: TiffinHome) -> MlflowPublisher:
    """Return the stack's registry; UnavailableError that says what to type when it is down."""
    import httpx

    from tiffin.registry.mlflow_publishing import MlflowPublisher

    url = home.url("mlflow")
    with suppress(httpx.HTTPError):
        if httpx.get(f"{url}/health", timeout=10, trust_env=False).status_code == httpx.codes.OK:
            return MlflowPublisher(url)
    raise UnavailableError(
        f"the stack's MLflow at {url} does not answer; start the stack with `tiffin up`",
        code="registry-unavailable",
    )


def _service_file(
    home: TiffinHome, registered: Registered, wished: Path | None, metrics: list[str]
) -> ServiceFile:
    """Make sure that the service has a file, whatever it is called; one that is there stays."""
    from tiffin.cli.model_story import ServiceFile
    from tiffin.registration import service_file

    name, findings = registered.version.name, registered.findings
    gates = service_file.choose_gates(metrics, findings)
    file = wished or _file_of(name) or _SERVICES / f"{name}.yaml"
    with FileLock(home.folder("registration") / ".ports.lock"):  # two would take one free port
        port = service_file.free_port(_SERVICES, home)
        text = service_file.skeleton(name, findings, gates, port, file)
        is_new = service_file.ensure_service_file(file, text)
    is_live = file.resolve().parent == _SERVICES.resolve()
    service = load_service(file)
    return ServiceFile(file, is_new, is_live, service.kind, curl_line(service, home.port_offset))


def _file_of(name: str) -> Path | None:
    """Return the file that describes a service already."""
    for file in _SERVICES.iterdir():
        with suppress(RefusedError):
            if file.suffix in (".yaml", ".yml") and load_service(file).name == name:
                return file
    return None


def _build(home: TiffinHome, text: str, console: Console) -> Built:
    from tiffin.packaging.on_demand import Reference, build_version, resolve

    asked = Reference.of(text)
    service = _service(asked.service)
    with working(console, f"Fetching the model of {service.name}") as say:
        publisher = _mlflow_of(home)
        version = resolve(publisher, service, asked)
        say(f"Building the bento of {service.name}, version {version.version}")
        return build_version(home, publisher, service, version)


def _service(named: str) -> Service:
    """Return the service of a name, or of a service file."""
    if named.endswith((".yaml", ".yml")):
        return load_service(Path(named))
    return ServiceFolder(_SERVICES).service(named)


def _print(lines: Iterable[Line], console: Console) -> None:
    for label, sentence in lines:
        console.print(f"{label:<8} {sentence}", markup=False, soft_wrap=True)

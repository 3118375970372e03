"""sutong run, worker, web, demo: the processes."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.deadline import end_within
from hub.demo.peers.faults import PLANS
from hub.logs import set_up
from hub.serve import serve

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: any.")]


def run_all(host: Host = None, port: Port = None) -> None:
    """The whole hub in one process, until it is told to stop."""
    settings = settings_or_exit(host=host, port=port)
    run(serve(settings, worker=True, web=True, end_within=end_within))


def run_worker(
    health_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve /health and /metrics there.")
    ] = None,
) -> None:
    """Processors, pollers, clocks and sender. `sutong migrate` comes first."""
    settings = settings_or_exit(health_port=health_port)
    run(serve(settings, worker=True, web=False, end_within=end_within))


def run_web(host: Host = None, port: Port = None) -> None:
    """Console, API and the peers' gateway. `sutong migrate` comes first."""
    settings = settings_or_exit(host=host, port=port)
    run(serve(settings, worker=False, web=True, end_within=end_within))


def run_demo(  # noqa: PLR0913,PLR0917 - an option each, as the contract names them
    tickets: Annotated[int, typer.Option(min=1, help="Tickets of the day; with --exit.")] = 120,
    leave: Annotated[bool, typer.Option("--exit", help="End when all is settled.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed plays the same day.")] = 1,
    faults: Annotated[str, typer.Option(help="none, some or hard.")] = "some",
    letters: Annotated[
        Path | None, typer.Option(help="Texts: JSON Lines with id, title, text.", dir_okay=False)
    ] = None,
    broker_url: Annotated[str | None, typer.Option(help="Broker; default: embedded.")] = None,
    database_url: Annotated[str | None, typer.Option(help="Store; default: SQLite.")] = None,
    port: Port = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Worker processes, on Kafka; 0: the hub in one process.")
    ] = 0,
    webs: Annotated[int, typer.Option(min=1, help="Web processes beside the workers.")] = 1,
    kill: Annotated[
        bool, typer.Option("--kill", help="Kill a worker and a web process half-way.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The hub with simulated peers on loopback and a city's day of tickets."""
    from hub.demo.day import DemoOptions, play  # noqa: PLC0415 - a hub in service never loads it

    if faults not in PLANS:
        fail(f"--faults is one of {', '.join(PLANS)}, not {faults!r}", WRONG_USAGE)
    if kill and not (workers > 1 and leave):
        fail("--kill needs --exit and --workers of at least 2", WRONG_USAGE)
    if workers > 1 and not (broker_url or "").startswith("kafka:"):
        fail("--workers above 1 needs a Kafka: --broker-url kafka://host:port", WRONG_USAGE)
    set_up("error", "auto")  # the peers' faults are made on purpose and would fill the screen
    summary = run(
        play(
            DemoOptions(
                tickets=tickets,
                leave=leave,
                seed=seed,
                faults=faults,
                letters=letters,
                broker_url=broker_url,
                database_url=database_url,
                port=port,
                workers=workers,
                webs=webs,
                kill=kill,
                say=lambda text: typer.echo(text, err=as_json),
            )
        )
    )
    if as_json:
        print_json(summary.as_json())
    elif leave:
        say(summary.as_text())
    if leave and not summary.ok:
        raise typer.Exit(1)

"""sutong check, sutong audit: what is wrong, and whether the records are whole."""

from typing import Annotated

import typer

from hub.check import Finding, findings_of
from hub.cli.output import FAILED, AsJson, print_json, run, say, settings_or_exit
from hub.logs import set_up
from hub.settings import Settings, SettingsWrong, load
from hub.settings_example import example
from hub.stored import stored
from ticket_store.audit_check import AuditReport

audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)


def check(
    as_json: AsJson = False,
    show_example: Annotated[
        bool, typer.Option("--example", help="Print a commented sutong.toml and end.")
    ] = False,
) -> None:
    """Name each thing that is wrong with settings, store, broker, calendar or peers."""
    if show_example:
        say(example().rstrip())
        return
    set_up("error", "auto")
    try:
        settings = load()
    except SettingsWrong as wrong:
        remedy = "mend the key; `sutong check --example` lists them all"
        findings = [Finding("settings", False, text, remedy) for text in wrong.problems]
    else:
        findings = run(findings_of(settings))
    ok = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": ok, "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.part}: {finding.detail}")
            if not finding.ok:
                say(f"      -> {finding.remedy}")
        say("all is well" if ok else f"{sum(not f.ok for f in findings)} thing(s) to mend")
    if not ok:
        raise typer.Exit(FAILED)


@audit_app.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Walk the whole chain; exit 1 when it is broken."""
    report = run(_verify(settings_or_exit()))
    if as_json:
        print_json({"ok": report.ok, "rows": report.rows, "first_bad": report.first_bad})
    elif report.ok:
        say(f"the chain is whole: {report.rows} rows, digest {report.digest}")
    else:
        say(f"the chain is broken at row {report.first_bad} ({report.rows} read): {report.detail}")
    if not report.ok:
        raise typer.Exit(FAILED)


async def _verify(settings: Settings) -> AuditReport:
    async with stored(settings) as store:
        return await store.audit.verify()

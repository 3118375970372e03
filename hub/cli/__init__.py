"""The `sutong` command: one file a family of subcommands."""

from hub.cli.app import main as main

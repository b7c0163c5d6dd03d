"""The commands and their options. Imports nothing but argparse, so that --help answers at once."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from tenure import __version__

_LIFECYCLE = """\
the circle:
  explore                      what is in a table, and what to mend first
  run, predict, serve          raw table to a served model
  outcomes, monitor, review    true labels, checks, and the decision that follows
  models, promote, rollback    which version holds the post
  explain                      what moved one score, and what would change the decision
  trace, replay                where one prediction came from; the same bits again
  audit                        how ready for production, by evidence
  data, forget                 versions of prepared data; a person erased from all of them
  archive                      old days of the journal into files of their own

start with:  tenure run customers.csv --target churned
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; args.command is the command's name."""
    parser = argparse.ArgumentParser(
        prog="tenure",
        description="Models that hold their post for as long as they earn it.",
        epilog=_LIFECYCLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tenure {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_data_commands(commands)
    _add_model_commands(commands)
    _add_service_commands(commands)
    _add_monitor_commands(commands)
    _add_other_commands(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: Commands, name: str, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.add_argument(
        "--project",
        metavar="DIR",
        help="the project folder (default: the nearest one upward with a tenure.yaml)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    return parser


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--positive", metavar="VALUE", help="the class that the probability speaks of")
    parser.add_argument("--id", metavar="COLUMN", help="the column that names a row")
    parser.add_argument("--time", metavar="COLUMN", help="a date column; the split then goes by time")
    _add_source_options(parser, "comma; tab for .tsv")


def _add_source_options(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--delimiter", metavar="CHAR", help=f"of a CSV file, or the word whitespace (default: {default})"
    )
    parser.add_argument("--encoding", metavar="NAME", help="of a CSV file, such as latin-1 (default: UTF-8)")
    parser.add_argument("--query", metavar="SQL", help="of a database: the rows to take")
    parser.add_argument("--table", metavar="NAME", help="of a database: the table to take")


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise ValueError
    return seed


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", metavar="TIME", help="wall time of tuning and fitting, such as 60s or 5m")
    parser.add_argument(
        "--seed", type=_seed, metavar="N", help="of the split and the search (default: the config's)"
    )


def _add_again(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--again", action="store_true", help="do the work even if nothing has changed")


def _add_data_commands(commands: Commands) -> None:
    init = _command(commands, "init", "look at a table and write a commented tenure.yaml")
    init.add_argument(
        "dir", nargs="?", metavar="DIR", help="the new project's folder (default: --project, or here)"
    )
    init.add_argument(
        "--data", required=True, metavar="SOURCE", help="path, folder, glob or address of the table"
    )
    init.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    _add_column_options(init)
    explore = _command(commands, "explore", "show what is in a table, on one page that needs no network")
    explore.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="the table (default: the project's prepared training rows)",
    )
    explore.add_argument("--target", metavar="COLUMN", help="the column that everything is shown by")
    _add_column_options(explore)
    explore.add_argument(
        "--out", metavar="FILE", help="the page to write (default: NAME-explore.html, or .tenure/)"
    )
    prepare = _command(commands, "prepare", "read, clean and split the table; learn the recipe")
    _add_again(prepare)
    prepare.add_argument(
        "--changes", action="store_true", help="count every changed cell by column and rule, with examples"
    )
    data = _command(commands, "data", "list, show, compare or restore the versions of prepared data")
    data.add_argument(
        "action",
        nargs="?",
        choices=["list", "show", "compare", "restore"],
        default="list",
        help="(default: list)",
    )
    data.add_argument("versions", nargs="*", metavar="VERSION", help="a version's name, or how it begins")
    forget = _command(commands, "forget", "erase a person from every version, the journal and every cache")
    forget.add_argument("id", metavar="ID", help="the person's value in the id column")
    forget.add_argument("--column", metavar="COLUMN", help="where ID stands, if not in data.id or data.group")
    panel = _command(commands, "panel", "write the rows of the event tables as of a time, for predict")
    panel.add_argument("output", metavar="OUTPUT", help="a .csv or .parquet file to write")
    panel.add_argument(
        "--at",
        metavar="T",
        help="a date or time, such as 1998-04-01; without data.cutoffs each row has its own",
    )
    panel.add_argument("--source", metavar="SOURCE", help="a table of rows in place of data.source's")


def _add_model_commands(commands: Commands) -> None:
    run = _command(commands, "run", "prepare, train, evaluate and release in one go")
    run.add_argument("source", nargs="?", metavar="SOURCE", help="the table, when there is no project yet")
    run.add_argument("--target", metavar="COLUMN", help="the column to predict, when there is no project yet")
    run.add_argument("--data", metavar="VERSION", help="use a stored data version; the source is not read")
    _add_column_options(run)
    _add_fit_options(run)
    _add_again(run)
    train = _command(commands, "train", "tune, calibrate and fit on the prepared rows")
    _add_fit_options(train)
    _add_again(train)
    train.add_argument(
        "--plan", metavar="RUN", help="follow the plan that an earlier run carried out; no search"
    )
    _command(commands, "evaluate", "read the test rows once; write and register the release")
    predict = _command(commands, "predict", "score a table of any length, row by row in its order")
    predict.add_argument("source", metavar="SOURCE", help="the table to score")
    predict.add_argument("output", metavar="OUTPUT", help="a .csv or .parquet file to write")
    predict.add_argument(
        "--model", default="champion", metavar="VERSION", help="champion (default), challenger or a version"
    )
    predict.add_argument(
        "--explain", type=int, default=0, metavar="N", help="add the N largest effects of each row"
    )
    _add_source_options(predict, "the config's")
    explain = _command(
        commands, "explain", "one row: what moved its score, and what would change the decision"
    )
    explain.add_argument(
        "id", nargs="?", metavar="ID", help="of a prediction, or of a row (its latest prediction)"
    )
    explain.add_argument("--row", metavar="FILE", help="a JSON file with one row, in place of an ID")
    explain.add_argument(
        "--model", metavar="VERSION", help="for --row: champion (default), challenger or a version"
    )
    explain.add_argument(
        "--effects", type=_positive, default=8, metavar="N", help="the N largest effects (default: 8)"
    )
    explain.add_argument(
        "--to", metavar="VALUE", help="a class, or a score to reach (default: another decision)"
    )
    explain.add_argument(
        "--changes",
        type=_positive,
        default=3,
        metavar="N",
        help="at most N columns changed together (default: 3)",
    )
    explain.add_argument("--lime", action="store_true", help="add LIME's opinion, and how well it agrees")
    _command(commands, "models", "list the versions in the registry")
    promote = _command(commands, "promote", "make a version the champion")
    promote.add_argument("version", metavar="VERSION", help="a version number, or challenger")
    promote.add_argument(
        "--despite",
        metavar="REASON",
        help="overrule a limit that the version exceeds; the reason is recorded",
    )
    _command(commands, "rollback", "give the post back to the previous champion")


def _add_service_commands(commands: Commands) -> None:
    serve = _command(commands, "serve", "answer predictions over HTTP with the champion")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: $AIP_HTTP_PORT, else 8000)")
    serve.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes (default: 1)")
    _command(
        commands, "archive", "move old days of the journal into files, and delete those past serve.keep_for"
    )


def _add_monitor_commands(commands: Commands) -> None:
    outcomes = _command(commands, "outcomes", "take in true labels that arrived later")
    outcomes.add_argument(
        "source", metavar="SOURCE", help="a table with the prediction id or row id, and the outcome"
    )
    _add_source_options(outcomes, "the config's")
    monitor = _command(commands, "monitor", "check drift, performance and health; exit 1 if a check fails")
    monitor.add_argument("--since", metavar="T", help="start of the window: a date, or a length such as 7d")
    monitor.add_argument("--until", metavar="T", help="end of the window (default: now)")
    review = _command(commands, "review", "monitor, decide and act; the decision is recorded")
    review.add_argument("--dry-run", action="store_true", help="decide, but do not act")
    review.add_argument("--since", metavar="T", help="start of the window: a date, or a length such as 7d")
    review.add_argument("--until", metavar="T", help="end of the window (default: now)")
    review.add_argument("--budget", metavar="TIME", help="of a challenger's training (default: the config's)")
    trace = _command(commands, "trace", "show where one prediction came from")
    trace.add_argument("id", metavar="ID", help="a prediction's id")
    replay = _command(
        commands, "replay", "compute one prediction, or train a whole run, again; exit 1 if a bit differs"
    )
    replay.add_argument("id", metavar="ID", help="of a prediction, or of a run")


def _add_other_commands(commands: Commands) -> None:
    card = _command(commands, "card", "the model card: data, measures, limits, time and energy")
    card.add_argument("version", nargs="?", default="champion", metavar="VERSION", help="(default: champion)")
    card.add_argument(
        "--out", metavar="FILE", help="a .md or .html file to write (default: Markdown on stdout)"
    )
    _command(commands, "audit", "the 28 tests of the ML Test Score, from evidence in the project")
    schema = _command(
        commands, "schema", "print the JSON Schema of tenure.yaml, or what is asked of the data"
    )
    schema.add_argument(
        "--of", choices=["config", "data"], default="config", help="of what (default: config, tenure.yaml)"
    )
    schema.add_argument(
        "--as",
        dest="format",
        choices=["tenure", "jsonschema", "frictionless", "pandera"],
        metavar="FORMAT",
        help="of data: tenure (default), jsonschema (one row), frictionless or pandera (Python)",
    )
    simulate = _command(commands, "simulate", "write the tables of a world with a known truth")
    simulate.add_argument("world", choices=["telecom"], help="which world")
    simulate.add_argument("dir", metavar="DIR", help="folder to write to")
    simulate.add_argument("--customers", type=int, default=5000, metavar="N")
    simulate.add_argument("--months", type=int, default=3, metavar="M")
    simulate.add_argument("--scenario", default="price_rise", metavar="NAME")
    simulate.add_argument("--seed", type=int, default=0, metavar="S")
    demo = _command(commands, "demo", "the whole circle on simulated telecom customers")
    demo.add_argument("--budget", default="20s", metavar="TIME", help="of each training (default: 20s)")

"""simulate, demo: a world with a known truth, and the whole circle on it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tenure.cli.execute import Result


def simulate(args: Namespace) -> Result:
    """Write the tables of a simulated world."""
    from tenure.simulate.telecom import simulate as simulate_telecom

    world = simulate_telecom(
        Path(args.dir), customers=args.customers, months=args.months, scenario=args.scenario, seed=args.seed
    )
    return Result({"dir": args.dir, "customers": str(world.customers)}, f"wrote {world.customers}")

"""How often the analysis errs, and how soon it finds out, while it looks all the time.

    python benchmarks/bench_analysis.py [--quick]

Everything is simulated in this one run: independent errors, a random split, 500 requests per
look, stable errs at 1 %. Beside our rollback stands what people do by hand: a z-test at each
look. All runs begin from one seed, so the numbers can be had again.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool

import numpy as np

import tiffin
from tiffin.analysis.blocks import Block, Line
from tiffin.analysis.e_process import EProcess, Side
from tiffin.analysis.harm import Share
from tiffin.analysis.verdict import Analysis, AnalysisPolicy, Decision, next_share

SEED = 20_260_101
ALPHA = 0.05
REQUESTS = 500
STABLE = 0.01
Z_ONE_SIDED = 1.6449


@dataclass(frozen=True)
class Outcome:
    """How one run ended: what was decided, at which look, and what it had cost until then."""

    decision: str
    look: int
    requests: int
    harm: float


Run = Callable[[np.random.Generator], Outcome]


def drawn(luck: np.random.Generator, share: float, rate: float) -> Block:
    """Draw one look."""
    na = int(luck.binomial(REQUESTS, share))
    nb = REQUESTS - na
    return Block(int(luck.binomial(na, rate)), na, int(luck.binomial(nb, STABLE)), nb)


def rollback_run(luck: np.random.Generator, *, share: float, rate: float) -> Outcome:
    """Look until the e-process says rollback, 120 times at most."""
    process, requests = EProcess.begin(Side.ABOVE, Line(1, 0), restarts=True), 0
    for look in range(1, 121):
        block = drawn(luck, share, rate)
        process, requests = process.updated(block), requests + block.na
        if process.crossed(ALPHA):
            return Outcome("rollback", look, requests, 0)
    return Outcome("hold", 120, requests, 0)


def z_test_run(luck: np.random.Generator, *, share: float, rate: float) -> Outcome:
    """Look until a one-sided z-test on all counts so far is significant, 120 times at most."""
    total = Block(0, 0, 0, 0)
    for look in range(1, 121):
        total += drawn(luck, share, rate)
        if z_score(total) > Z_ONE_SIDED:
            return Outcome("rollback", look, total.na, 0)
    return Outcome("hold", 120, total.na, 0)


def z_score(total: Block) -> float:
    """Return the pooled two-proportion z; 0 while it is undefined."""
    pooled = (total.ka + total.kb) / (total.na + total.nb)
    if not (total.na and total.nb and 0 < pooled < 1):
        return 0.0
    error = math.sqrt(pooled * (1 - pooled) * (1 / total.na + 1 / total.nb))
    return (total.ka / total.na - total.kb / total.nb) / error


def promote_run(luck: np.random.Generator, *, share: float, rate: float, margin: float) -> Outcome:
    """Look until the e-process says promote, 240 times at most."""
    process, requests = EProcess.begin(Side.BELOW, Line(1, margin)), 0
    for look in range(1, 241):
        block = drawn(luck, share, rate)
        process, requests = process.updated(block), requests + block.na
        if process.crossed(ALPHA):
            return Outcome("promote", look, requests, 0)
    return Outcome("hold", 240, requests, 0)


def ramp_run(luck: np.random.Generator, *, rate: float, policy: AnalysisPolicy) -> Outcome:
    """Ramp as a Release does: the share follows the harm budget until there is a verdict."""
    analysis = Analysis.begin(policy)
    for look in range(1, 241):
        share = next_share(analysis, REQUESTS)
        if not isinstance(share, Share):
            return ended("hold", look - 1, analysis, rate)
        block = drawn(luck, share.basis_points / 10_000, rate)
        analysis, verdict = analysis.looked(block, share.basis_points)
        if verdict.decision is not Decision.HOLD:
            return ended(verdict.decision.value, look, analysis, rate)
    return ended("hold", 240, analysis, rate)


def ended(decision: str, look: int, analysis: Analysis, rate: float) -> Outcome:
    """Count the harm: candidate requests times its excess over stable."""
    requests = analysis.counts.na
    return Outcome(decision, look, requests, requests * (rate - STABLE))


def simulated(run: Run, runs: int, seed: int) -> list[Outcome]:
    """Repeat a run; each repetition has its own seed, whatever process it is in."""
    return [run(np.random.default_rng((SEED, seed, number))) for number in range(runs)]


def share_of(outcomes: list[Outcome], decision: str) -> str:
    """Say how many of 100 runs ended so."""
    return f"{100 * sum(o.decision == decision for o in outcomes) / len(outcomes):5.1f} %"


def said_rollback(outcomes: list[Outcome]) -> str:
    """Say how often, and how soon, a run was rolled back."""
    found = [o for o in outcomes if o.decision == "rollback"]
    if not found:
        return f"rolled back {share_of(outcomes, 'rollback')}"
    look = statistics.median(o.look for o in found)
    requests = statistics.median(o.requests for o in found)
    return (
        f"rolled back {share_of(outcomes, 'rollback')}, median look {look:g}, "
        f"{requests:,.0f} candidate requests"
    )


def said_promote(outcomes: list[Outcome]) -> str:
    """Say how often, and after how many requests, a run was promoted."""
    found = sorted(o.requests for o in outcomes if o.decision == "promote") or [0]
    return (
        f"promoted {share_of(outcomes, 'promote')}, candidate requests: median "
        f"{statistics.median(found):,.0f}, p90 {found[int(0.9 * (len(found) - 1))]:,}"
    )


def said_ramp(outcomes: list[Outcome]) -> str:
    """Say how ramps ended and what they cost."""
    harm = sorted(o.harm for o in outcomes)
    return (
        f"promoted {share_of(outcomes, 'promote')}, rolled back "
        f"{share_of(outcomes, 'rollback')}, held {share_of(outcomes, 'hold')}; harm mean "
        f"{statistics.mean(harm):.1f}, p95 {harm[int(0.95 * (len(harm) - 1))]:.0f}, "
        f"most {harm[-1]:.0f}; median look {statistics.median(o.look for o in outcomes):g}"
    )


@dataclass(frozen=True)
class Case:
    """One line of the report."""

    title: str
    run: Run
    runs: int
    said: Callable[[list[Outcome]], str]


def cases(part: float) -> list[Case]:
    """Return the report's lines; `part` is how much of the full number of runs is done."""
    many, some, few = (max(20, round(part * runs)) for runs in (2000, 400, 200))
    rows = []
    for name, run in (("e-process", rollback_run), ("z-test at each look", z_test_run)):
        for share in (0.1, 0.5):
            title = f"no difference, {share:.0%} split, {name}"
            rows.append(Case(title, partial(run, share=share, rate=STABLE), many, said_rollback))
    for times in (2, 3, 5):
        found = partial(rollback_run, share=0.1, rate=times * STABLE)
        rows.append(Case(f"{times}x errors, 10% split, e-process", found, some, said_rollback))
    for share in (0.1, 0.5):
        for rate, title in ((STABLE + 0.01, "exactly at the margin"), (STABLE, "equal")):
            run = partial(promote_run, share=share, rate=rate, margin=0.01)
            rows.append(Case(f"{title}, margin 1 %, {share:.0%} split", run, some, said_promote))
    policy = AnalysisPolicy(alpha=ALPHA, margin=0.01, harm_budget=40, max_share=0.5)
    for rate, title in ((0.01, "equal"), (0.02, "+1 point"), (0.05, "+4 points"), (1.0, "fails")):
        run = partial(ramp_run, rate=rate, policy=policy)
        rows.append(Case(f"{title}, adaptive ramp, margin 1 %, H = 40", run, few, said_ramp))
    return rows


def main() -> None:
    """Run all cases in two processes and print them as they come."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="a tenth of the runs")
    part = 0.1 if options.parse_args().quick else 1.0
    versions = f"tiffin {tiffin.__version__}, Python {platform.python_version()}"
    print(f"{versions}, numpy {np.__version__}, {platform.machine()}; seed {SEED}")
    print(f"alpha {ALPHA}, {REQUESTS} requests per look, stable errs at {STABLE:.0%}\n")
    began, rows = time.monotonic(), cases(part)
    with Pool(2) as pool:
        jobs = [
            pool.apply_async(simulated, (case.run, case.runs, number))
            for number, case in enumerate(rows)
        ]
        for case, job in zip(rows, jobs, strict=True):
            print(f"{case.title:<52} {case.runs:>5} runs: {case.said(job.get())}", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""Seconds and memory of an optimisation step against the size of the lattice.

    python benchmarks/lattice_size.py [--sizes 4 6 8 12 16] [--models slater_jastrow] [--output lattice_size.svg]
        [--kept lattice_size.json]

Hubbard models on squares of L x L sites, half filled or with one hole for eight sites (--filling). Each model on each
lattice is measured in a process of its own, whose largest resident memory is that of its row. A step is taken apart by
the functions of `harness.steps.Steps`: `settle` samples, `measure` samples and evaluates local energies, `step` updates
the weights as well, so local energies and update are differences. Sampling makes two moves for each electron. The mean
field that orbitals start from is not counted; on 16x16 sites it takes a minute for each model.

The table ends with the exponents of power laws in the number of sites, fitted to the logarithms; the figure shows both.
Rows in the file --kept, which is written after each one, are not measured again, and those of other sizes and models
there stand in table and figure too.

    python benchmarks/lattice_size.py --models transformer_backflow --sizes 8 --filling doped --u 8 --boundary PP \\
        --walkers 1024 --steps 0 --whole

is the memory of one large step.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PHASES = ("sampling", "local energies", "update", "step")
LEAST_SHARE = 0.02
"""Of a step: differences of phases that are smaller are noise."""
COLOURS = {"sampling": "#1f5a94", "local energies": "#1d7a53", "update": "#c2410c", "step": "#222222"}


def electrons_of_each_spin(n_sites: int, filling: str) -> int:
    return n_sites // 2 if filling == "half" else round(n_sites * 7 / 16)


def measure(arguments, model_name: str, size: int) -> dict[str, float]:
    """Median seconds of the phases, parameters, and the largest resident memory of this process in bytes."""
    sys.path.insert(0, str(ROOT))
    from harness.start import prepare

    prepare(arguments.backend, precision=arguments.precision)
    from keras import ops

    import zoo
    from harness import VMC, backend

    pairs = electrons_of_each_spin(size * size, arguments.filling)
    shape = {"lattice": "square", "extent": (size, size), "boundary": arguments.boundary}
    system = zoo.create_system("hubbard", **shape, u=arguments.u, n_up=pairs, n_down=pairs)
    options = {} if model_name == "slater_jastrow" else {"backflow": arguments.backflow}
    model = zoo.create_model(model_name, system, **options)
    vmc = VMC(model, system).compile(optimizer=arguments.optimizer, walkers=arguments.walkers)

    def seconds(function) -> float:
        compiled, state = backend.jit(function), vmc.state
        found: list[float] = []
        while len(found) <= arguments.steps or (arguments.steps and sum(found[1:]) < arguments.seconds):
            begin = time.perf_counter()
            state, _ = compiled(state)
            float(ops.convert_to_numpy(ops.sum(state["walkers"])))  # wait for the device
            found.append(time.perf_counter() - begin)
        return statistics.median(found[1:] or found)  # the first one compiles

    result = {"parameters": model.count_params(), "step": seconds(vmc.steps.step)}
    if not arguments.whole:
        sampling, measured = seconds(vmc.steps.settle), seconds(vmc.steps.measure)
        result |= {"sampling": sampling, "local energies": measured - sampling, "update": result["step"] - measured}
    return result | {"memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def in_own_process(arguments, model_name: str, size: int) -> dict[str, float]:
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--serve", model_name, str(size)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def exponents(rows: dict[int, dict[str, float]]) -> dict[str, tuple[float, float]]:
    """For each phase (a, b) of seconds = exp(b) sites^a; not of phases that the noise of a step may hide."""
    fits = {}
    for phase in PHASES:
        if len(rows) > 1 and all(row.get(phase, 0.0) > LEAST_SHARE * row["step"] for row in rows.values()):
            sites, values = np.log([(size * size, row[phase]) for size, row in rows.items()]).T
            slope, constant = np.polyfit(sites, values, 1)
            fits[phase] = (float(slope), float(constant))
    return fits


def draw(path: Path, results: dict[str, dict[int, dict[str, float]]]) -> None:
    """A panel for each model: seconds of the phases against sites, and the fitted power laws."""
    sys.path.insert(0, str(ROOT))
    import matplotlib
    from matplotlib.figure import Figure

    from harness.figures.style import QUIET, STYLE, save

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(results), 3.4), layout="constrained")
        panels = figure.subplots(1, len(results), sharey=True)
        for axes, (model_name, rows) in zip(np.ravel(panels), results.items(), strict=True):
            sites, fits = np.square(sorted(rows)), exponents(rows)
            for phase in PHASES:
                values = np.array([rows[size].get(phase, np.nan) for size in sorted(rows)])
                label = f"{phase}, sites^{fits[phase][0]:.1f}" if phase in fits else phase
                shown = values > 0
                if shown.any():
                    axes.plot(sites[shown], values[shown], "o", color=COLOURS[phase], markersize=4, label=label)
                if phase in fits:
                    slope, constant = fits[phase]
                    axes.plot(sites, np.exp(constant) * sites**slope, color=COLOURS[phase], linewidth=0.8)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks(sites, [f"{size}x{size}" for size in sorted(rows)], minor=False)
            axes.set_title(model_name, loc="left", fontsize=9)
            axes.set_xlabel("lattice", color=QUIET)
            axes.set_ylabel("seconds", color=QUIET)
            axes.legend(frameon=False, fontsize=8)
        save(figure, path, f"Seconds of an optimisation step of {', '.join(results)} against sites of the lattice")


def read_kept(path: Path | None, settings: dict) -> dict[str, dict[int, dict[str, float]]]:
    """Rows measured earlier with the same settings, by model and size."""
    if path is None or not path.exists():
        return {}
    content = json.loads(path.read_text())
    if content["settings"] != settings:
        sys.exit(f"{path}: measured with {content['settings']}: expected {settings}, or another file")
    return {model: {int(size): row for size, row in rows.items()} for model, rows in content["rows"].items()}


def row(model_name: str, size: int, arguments, result: dict[str, float]) -> str:
    pairs = electrons_of_each_spin(size * size, arguments.filling)
    cells = [model_name, f"{size}x{size}", f"{pairs}+{pairs}", f"{result['parameters']:,}"]
    cells += [f"{result[phase]:.3g}" if phase in result else "" for phase in PHASES]
    return f"| {' | '.join(cells)} | {result['memory'] / 2**30:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 6, 8, 12], help="L of each lattice, such as 16")
    parser.add_argument("--models", nargs="+", default=["slater_jastrow", "neural_backflow"])
    parser.add_argument("--filling", choices=["half", "doped"], default="half", help="doped: 1/8")
    parser.add_argument("--u", type=float, default=4.0)
    parser.add_argument("--boundary", default="PA", help="periodic and antiperiodic: closed shells at half filling")
    parser.add_argument("--backflow", choices=["general", "none"], default="general", help="pairwise, beside networks")
    parser.add_argument("--walkers", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2, help="least number of them, after the first; 0: that alone")
    parser.add_argument("--seconds", type=float, default=1.0, help="least time for the steps of a phase")
    parser.add_argument("--whole", action="store_true", help="whole steps only, not their phases")
    parser.add_argument("--optimizer", default="spring")
    parser.add_argument("--backend", choices=["tensorflow", "jax"], default="tensorflow")
    parser.add_argument("--precision", choices=["float32", "float64"], default="float64")
    parser.add_argument("--output", type=Path, help="an .svg or .png file for the figure")
    parser.add_argument("--kept", type=Path, help="a .json file of rows: those there are not measured again")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        print(json.dumps(measure(arguments, arguments.serve[0], int(arguments.serve[1]))))
        return
    print(f"{arguments.walkers} walkers, {arguments.precision}, U = {arguments.u:g}, seconds and GiB\n")
    head = ["model", "lattice", "electrons", "parameters", *PHASES, "memory"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    names = ("filling", "u", "boundary", "backflow", "walkers", "optimizer", "backend", "precision", "whole")
    settings = {name: getattr(arguments, name) for name in names}
    results = read_kept(arguments.kept, settings)
    for model_name in dict.fromkeys([*results, *arguments.models]):
        rows = results.setdefault(model_name, {})
        asked = arguments.sizes if model_name in arguments.models else []
        for size in sorted({*rows, *asked}):
            if size not in rows:
                rows[size] = in_own_process(arguments, model_name, size)
                if arguments.kept is not None:
                    arguments.kept.write_text(json.dumps({"settings": settings, "rows": results}, indent=1))
            print(row(model_name, size, arguments, rows[size]), flush=True)
    for model_name, rows in results.items():
        fits = exponents(rows)
        if fits:
            print(f"\n{model_name}: " + ", ".join(f"{phase} ~ sites^{slope:.2f}" for phase, (slope, _) in fits.items()))
    if arguments.output is not None:
        draw(arguments.output, results)
        print(f"\n{arguments.output}")


if __name__ == "__main__":
    main()

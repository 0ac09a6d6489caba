"""From rows, seeds and budgets to the runs that they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.compare._budget import batches, equal_steps
from ayolom.compare._data import multi_task_yaml, single_task_yaml
from ayolom.compare._run import BOTH, EXPOSURE, MULTI, OUR_TRAINER, STEPS, TORCHVISION, Run
from ayolom.compare.peers import kind_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from ayolom.compare._counts import Counts
    from ayolom.compare._spec import Comparison, Entry
    from ayolom.data.schema import DataSchema


def plan(comparison: Comparison, schema: DataSchema, counts: Counts, data: Path) -> list[Run]:
    """Return all runs: seed by seed, so that a comparison cut off has each row with the same seeds.

    A model that learns all tasks is trained once for both budgets. One that learns fewer is trained for each; where
    its epochs have as many batches both budgets are the same, and it too is trained once.

    Args:
        comparison: What is compared.
        schema: The data set of all tasks.
        counts: Its images.
        data: Folder of the comparison's data sets.

    Raises:
        AyolomError: A row has no task to learn.
    """
    tasks = {entry.name: entry_tasks(entry, schema) for entry in comparison.entries.values()}
    return [
        run
        for seed in comparison.seeds
        for entry in comparison.entries.values()
        for run in _runs(comparison, entry, tasks[entry.name], seed, schema, counts, data)
    ]


def entry_tasks(entry: Entry, schema: DataSchema) -> dict[str, str]:
    """Return the kind of each task that a row learns, by name.

    Raises:
        AyolomError: There is none, or several for a model that can learn one.
    """
    kinds = {name: spec.kind for name, spec in schema.tasks.items()}
    if entry.kind == MULTI:
        from ayolom.nn.spec import load_spec

        own = {name: kind for name, kind in kinds.items() if name in load_spec(entry.model)["tasks"]}
    else:
        wanted = _single_kind(entry)
        own = {name: kind for name, kind in kinds.items() if kind == wanted}
        if len(own) > 1:
            raise AyolomError(
                f"{schema.label}: {entry.name}: the data has several tasks of kind {wanted} ({', '.join(own)}); "
                "a comparison with models of one task takes one of each kind"
            )
    if not own:
        raise AyolomError(f"{entry.name}: {entry.model} learns none of the tasks of {schema.label}: {', '.join(kinds)}")
    return own


def _single_kind(entry: Entry) -> str:
    """Return the kind of task of a row's model that learns one.

    Raises:
        AyolomError: There is no such model, or torchvision does not load.
    """
    if entry.kind == TORCHVISION:
        from ayolom.compare.peers._network import builder

        builder(entry.model)
        return kind_of(entry.model)
    _check_base_model(entry)
    return entry.kind


def _check_base_model(entry: Entry) -> None:
    """Raise where the base has no such model, or one of another kind."""
    from ultralytics.nn.tasks import guess_model_task, yaml_model_load

    try:
        content = yaml_model_load(entry.model)
    except FileNotFoundError:
        raise AyolomError(f"{entry.name}: {entry.model}: the base has no such model, nor is it a file") from None
    if "head" not in content:
        raise AyolomError(f"{entry.name}: {entry.model}: is no model of the base's; is its kind multi?")
    if "rtdetr" in Path(entry.model).stem.lower():  # a class of its own, for detection
        return
    found = guess_model_task(content)
    if found != entry.kind:
        raise AyolomError(f"{entry.name}: {entry.model}: is a model of kind {found}, not of kind base {entry.kind}")


def _runs(
    comparison: Comparison,
    entry: Entry,
    tasks: dict[str, str],
    seed: int,
    schema: DataSchema,
    counts: Counts,
    data: Path,
) -> list[Run]:
    """Return the runs of a row with one seed."""
    settings = {
        "imgsz": comparison.imgsz,
        "workers": 0,
        "cache": "ram",
        **comparison.settings,
        **(_shared_batch(comparison) if len(tasks) == len(schema.tasks) else {"batch": comparison.batch}),
        **entry.settings,
        "seed": seed,
    }
    threads = int(settings.pop("threads", 0))
    shared = batches(counts.of(schema.tasks), comparison.shared_batch or comparison.batch)
    longer = equal_steps(comparison.epochs, shared, batches(counts.of(tasks), settings["batch"]))
    epochs = {EXPOSURE: comparison.epochs, BOTH: comparison.epochs, STEPS: longer}
    wanted = (BOTH,) if longer == comparison.epochs else comparison.equal
    return [
        Run(
            name=f"{entry.name}-s{seed}" if budget == BOTH else f"{entry.name}-{budget}-s{seed}",
            kind=entry.kind,
            model=entry.model,
            data=str(_data_of(entry, tasks, data).resolve()),
            tasks=tasks,
            epochs=epochs[budget],
            budget=budget,
            settings=settings,
            threads=threads,
            entry=entry.name,
            ablation_of=entry.ablation_of,
        )
        for budget in wanted
    ]


def _data_of(entry: Entry, tasks: dict[str, str], data: Path) -> Path:
    """Return the dataset YAML of a row."""
    if entry.kind not in OUR_TRAINER:
        return single_task_yaml(data, next(iter(tasks)))
    return multi_task_yaml(data, own_data(entry) or "multi")


def own_data(entry: Entry) -> str | None:
    """Return the name of the row's own description of the data, None where it has the common one."""
    return f"multi-{entry.name}" if entry.data or entry.flip_pairs else None


def _shared_batch(comparison: Comparison) -> dict[str, int]:
    """Return the settings of batches for models that learn all tasks.

    The base gathers batches up to `nbs` images before a step of the optimizer: it grows with the batch, so that all
    models gather equally many batches.
    """
    if comparison.shared_batch is None:
        return {"batch": comparison.batch}
    from ultralytics.utils import DEFAULT_CFG

    images = comparison.settings.get("nbs", DEFAULT_CFG.nbs)
    return {"batch": comparison.shared_batch, "nbs": round(images * comparison.shared_batch / comparison.batch)}

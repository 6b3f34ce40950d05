"""The built-in executors as a plugin: cards only."""

from __future__ import annotations

from collections.abc import Iterable

from tumorbench.contracts.cards import ExecutorSpec
from tumorbench.contracts.hookspecs import hookimpl

__all__ = ["tumorbench_executors"]


@hookimpl
def tumorbench_executors() -> Iterable[ExecutorSpec]:
    """The three that come with tumorbench: on this machine, on a Ray cluster, on a Slurm cluster."""
    return [
        ExecutorSpec(
            id="local",
            title="processes on this machine: one a GPU, or --jobs of them that share the cores",
            factory="tumorbench.run.executors.local:LocalExecutor",
        ),
        ExecutorSpec(
            id="ray",
            title="Ray tasks, on the cluster at --address or on this machine; needs tumorbench[ray]",
            licence="Apache-2.0",
            factory="tumorbench.run.executors.on_ray:RayExecutor",
        ),
        ExecutorSpec(
            id="submitit",
            title="a Slurm job array, or with --address local processes of submitit; needs tumorbench[slurm]",
            licence="MIT",
            factory="tumorbench.run.executors.on_slurm:SubmititExecutor",
        ),
    ]

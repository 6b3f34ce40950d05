"""A cell as a command and as a job, and the record of one that could not write its own. Light: imports no torch."""

from __future__ import annotations

from datetime import UTC, datetime

from tumorbench.contracts.cell import OWN, CellIdentity
from tumorbench.contracts.job import Job
from tumorbench.contracts.problem import FOLDED
from tumorbench.contracts.record import Record, Status

__all__ = ["command_of", "lost_record"]


def command_of(identity: CellIdentity) -> str:
    """The command that repeats exactly this cell; of a module of its own process what it called."""
    if identity.model.startswith(OWN):
        return (
            f"tumorbench.run([{identity.model}], datasets={identity.dataset!r}, protocol={identity.protocol!r}, "
            f"folds={identity.fold}, seeds={identity.seed}, budget={identity.budget!r})"
        )
    parts = [f"tumorbench run -d {identity.dataset} -m '{identity.model}' --protocol {identity.protocol}"]
    if identity.trained_on:
        parts.append(f"--train-on {identity.trained_on.dataset}")
    if identity.leaves_out:
        parts.append(f"--leave-out {identity.leaves_out.dataset}")
    if identity.protocol in (*FOLDED, "official") or identity.leaves_out:  # of which some data sets have several
        parts.append(f"--fold {identity.fold}")
    parts.append(f"--budget {identity.budget} --seed {identity.seed}")
    if identity.judge:
        parts.append(f"--judge '{identity.judge.model}'")
    if (identity.recipe.pretrained or "").startswith("sha256:"):
        parts.append("--weights FILE")
    return " ".join(parts)


def lost_record(job: Job, status: Status, reason: str) -> Record:
    """The record, not yet in the store, of a job whose process could not write one."""
    identity = job.identity
    return Record(
        cell_key=job.cell_key,
        status=status,
        reason=reason[:500],
        identity=identity,
        dataset_title=job.dataset_title,
        model_title=job.model_title,
        synthetic=job.synthetic,
        sizes=job.sizes,
        classes=job.classes,
        environment={"executor": job.executor},
        command=job.command,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )

"""An executor of the tests: each job runs in the process that submits it, which saves the start of another one."""

from __future__ import annotations

import sys


class Done:
    def __init__(self, job):
        self.job = job

    def done(self):
        return True

    def reason(self):
        return ""


class InProcess:
    slots = 1

    def __init__(self, settings):
        self.threads = settings.threads

    def submit(self, jobs):
        return [self._run(job) for job in jobs]

    def close(self, *, now):
        pass

    def _run(self, path):
        from tumorbench import registry
        from tumorbench.run.job import run_job
        from tumorbench.run.lease import Lease
        from tumorbench.run.supervise import read_job
        from tumorbench.run.work import CellOptions

        def on_epoch(entry, epochs):
            shown = ", ".join(f"{name} {value:.4g}" for name, value in entry.items() if name != "epoch")
            sys.stderr.write(f"  epoch {int(entry['epoch'])}/{epochs}: {shown}\n")

        lease = Lease.acquire(path.parent)
        if lease is not None:
            try:
                run_job(read_job(path), registry.find(), CellOptions(on_epoch=on_epoch))
            finally:
                lease.release()
        return Done(path)

"""Observers of a run, each in a process of its own: whatever one does there, the run goes on."""

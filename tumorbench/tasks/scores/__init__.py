"""From a table of predictions to metric values with their intervals. Loads no torch, but for ``likeness``."""

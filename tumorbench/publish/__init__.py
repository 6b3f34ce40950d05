"""Published records: copied from a store, verified, run again, compared."""

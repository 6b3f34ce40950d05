"""Published records: copied from a store, verified, run again, compared, moved to a new schema."""

"""From files to batches: fetched, decoded once, split, drawn in batches, and audited for what leaks."""

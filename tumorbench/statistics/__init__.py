"""How far to trust a number: clusters, bootstrap replicates, intervals, ranks and paired tests. Loads no torch."""

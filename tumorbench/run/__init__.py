"""From a selection to records: what would run (``plan``), one cell (``cell``), speed (``speed``), and all of it (``campaign``)."""

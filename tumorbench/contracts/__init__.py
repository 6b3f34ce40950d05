"""The words of the benchmark as types: what plugins write, what records hold. Imports nothing above itself."""

"""What ``import tumorbench as tb`` does: list, load, run, evaluate, read results.

The package itself names these functions.
"""

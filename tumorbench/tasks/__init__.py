"""What the harness does for each task: validate, predict, score a table of predictions, draw."""

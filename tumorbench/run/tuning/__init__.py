"""Tuning: a study of trials, each a training that is judged on the validation part, which is all that it is given."""

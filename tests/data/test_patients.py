"""A slice whose patient is not known is given the patient of the slice that it was copied from, or none."""

from __future__ import annotations

from tumorbench.data.patients import Recovered, _told, write_patients


def test_the_best_match_tells_the_patient_unless_another_patient_s_is_as_good():
    assert _told({"a": 0.998, "b": 0.975}) == ("a", 0.998)
    assert _told({"a": 0.998, "b": 0.998}) is None
    assert _told({"b": 0.9975}) == ("b", 0.9975)


def test_the_table_says_no_more_confidence_than_there_is(tmp_path):
    write_patients([Recovered("Training/a.jpg", "100360", 0.99999)], tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "sample_id,patient,confidence\nTraining/a.jpg,100360,0.9999\n"

from bulksend.intake.place import Place


def test_an_error_names_the_input_and_the_line() -> None:
    """The file comes first, then the line that is being read, then the cause, then what to do."""
    error = Place("list.csv", line=7).error("it is odd", "Make it even")

    assert str(error) == "list.csv, line 7: it is odd. Make it even."


def test_an_error_outside_the_text_names_no_line() -> None:
    """Before reading, and where the line does not matter, only the file is named."""
    assert Place("list.csv").error("it is odd").what == "list.csv: it is odd"
    assert Place("list.csv", line=7).error("it is odd", line=0).what == "list.csv: it is odd"


def test_an_error_can_name_another_line() -> None:
    """A record that started earlier is named by its own first line."""
    assert Place("list.csv", line=7).error("it is odd", line=3).what == "list.csv, line 3: it is odd"

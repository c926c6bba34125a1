import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, exported_name, original_name
from bulksend.base.formulas import HARMLESS, as_before, left_alone, made_safe

RUN = [
    "=1+1", "=HYPERLINK(\"http://x\")", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\rx", " =1",
    "   @x", "\u00a0=1", "\u3000+cmd|' /C calc'!A0", "\ufeff=1", "\uff1d1+1", "\uff0b1+cmd", "\uff0d1-x",
    "\uff20SUM(A1)",
    "=", "-", "+", "@ann",
    "- none", "+1 (425) 555-0100", "+1-425-555-0100", "-5.2.", "+49151a", "--5", "-2+3",
]  # fmt: skip
"""What Excel, LibreOffice or Google Sheets may run, or take for a calculation."""

LEFT = [
    "", "Ann", "0", "-5.2", "+5", "-0,5", "-.5", "+1e5", "-3%", "+4915112345678", " +4915112345678", "1-2", "a=b",
    "x@example.com", "'tis", "'", "''", "“=1”", "1=1", "<=", "~-1", "-1,234.50",
]  # fmt: skip

DANGEROUS = st.text(st.sampled_from("=+-@'\t\r\n \uff1d\uff0b\uff0d\uff20\ufeff\u00a0a1.,e%\x00"), max_size=6)


@pytest.mark.parametrize("cell", RUN)
def test_what_would_be_run_gets_an_apostrophe(cell: str) -> None:
    """And loses it again when the export is read."""
    assert made_safe(cell) == "'" + cell
    assert as_before("'" + cell) == cell
    assert left_alone(cell) == cell
    assert cell[:1] not in HARMLESS


@pytest.mark.parametrize("cell", LEFT)
def test_values_are_left_as_they_are(cell: str) -> None:
    """Plain numbers and numbers in E.164 form among them."""
    assert made_safe(cell) == left_alone(cell) == as_before(cell) == cell


@given(DANGEROUS | st.text())
def test_what_was_there_is_known_again(cell: str) -> None:
    """Whatever a cell held, apostrophes before formulas too; made safe or left alone."""
    assert as_before(made_safe(cell)) == cell
    assert as_before(left_alone(cell)) == cell
    assert made_safe(cell) in (cell, "'" + cell)


@given(
    st.lists(
        st.sampled_from([*EXPORT_FIELDS, *DELIVERY_FIELDS, "source.", "source", "phone", ".", "Status"]), max_size=3
    )
)
def test_columns_have_their_names_again(parts: list[str]) -> None:
    """Also those that are called what an export would rename a column to; and no field is ever a column's name."""
    for name in ("".join(parts), "source." + "".join(parts), "source.source." + "".join(parts)):
        assert original_name(exported_name(name)) == name
        assert exported_name(name) not in {*EXPORT_FIELDS, *DELIVERY_FIELDS}

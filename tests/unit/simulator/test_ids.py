from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.ids import uuid4_text


@given(bits=st.integers(0, 2**128 - 1))
def test_an_id_is_a_version_4_uuid(bits: int) -> None:
    """The very text that the standard library makes of the same random bits."""
    assert uuid4_text(bits) == str(UUID(int=bits, version=4))

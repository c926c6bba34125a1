import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.pages import Item, matching, page


@given(st.integers(0, 250), st.one_of(st.none(), st.integers(1, 100)))
def test_every_item_is_on_one_page(count: int, size: int | None) -> None:
    """Following NextToken gives every item once, in order, on pages no longer than MaxResults."""
    items: list[Item] = [{"Name": index} for index in range(count)]
    found: list[object] = []
    params: dict[str, object] = {} if size is None else {"MaxResults": size}
    while True:
        result = page("DescribePools", "Pools", items, params)
        on_page = result["Pools"]
        assert isinstance(on_page, list)
        assert len(on_page) <= (size or 100)
        found += on_page
        if "NextToken" not in result:
            break
        params["NextToken"] = result["NextToken"]
    assert found == items


@pytest.mark.parametrize("token", ["x", "é", "RGVzY3JpYmVQb29sczo=", "RGVzY3JpYmVQb29sczot", "T3RoZXI6MQ=="])
def test_a_token_that_was_not_given_out(token: str) -> None:
    """Made up, damaged, or another operation's: INVALID_NEXT_TOKEN."""
    with pytest.raises(ServiceFault) as caught:
        page("DescribePools", "Pools", [], {"NextToken": token})
    assert caught.value.reason == "INVALID_NEXT_TOKEN"


ITEMS: list[Item] = [
    {"Status": "ACTIVE", "NumberCapabilities": ["SMS", "VOICE"], "TwoWayEnabled": False},
    {"Status": "PENDING", "NumberCapabilities": ["SMS"], "TwoWayEnabled": True, "PoolId": "pool-1"},
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [0, 1]),
        ([("status", ["ACTIVE"])], [0]),
        ([("status", ["ACTIVE", "PENDING"])], [0, 1]),
        ([("number-capability", ["VOICE"])], [0]),
        ([("number-capability", ["SMS"]), ("two-way-enabled", ["true"])], [1]),
        ([("two-way-enabled", ["false"])], [0]),
        ([("pool-id", ["pool-1"])], [1]),
        ([("status", ["DELETED"])], []),
    ],
)
def test_filters(filters: list[tuple[str, list[str]]], found: list[int]) -> None:
    """Any value of a filter will do, every filter must; members that are lists, flags or absent count too."""
    params = {"Filters": [{"Name": name, "Values": values} for name, values in filters]}
    assert matching(ITEMS, params) == [ITEMS[index] for index in found]


def test_nothing_is_shared_by_others() -> None:
    """Owner SHARED finds nothing, SELF everything."""
    assert matching(ITEMS, {"Owner": "SHARED"}) == []
    assert matching(ITEMS, {"Owner": "SELF"}) == ITEMS

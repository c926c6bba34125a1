from bulksend.rate.window import SlidingWindow


def test_what_fits_goes_at_once() -> None:
    """Parts up to the limit need not wait."""
    window = SlidingWindow(limit=3, span_s=1.0)
    window.record(2, now=0.0)
    assert window.wait_s(1, now=0.1) == 0.0


def test_what_does_not_fit_waits_for_the_oldest_to_leave() -> None:
    """The wait ends exactly when enough parts have left."""
    window = SlidingWindow(limit=3, span_s=1.0)
    window.record(1, now=0.0)
    window.record(2, now=0.4)
    assert window.wait_s(1, now=0.5) == 0.5
    assert window.wait_s(3, now=0.5) == 1.4 - 0.5
    assert window.wait_s(3, now=1.4) == 0.0


def test_more_parts_than_the_limit_go_alone_and_stay_longer() -> None:
    """Four parts under a limit of three need an empty window and occupy it for four thirds of the span."""
    window = SlidingWindow(limit=3, span_s=0.9)
    window.record(1, now=0.0)
    assert window.wait_s(4, now=0.0) == 0.9
    window.record(4, now=0.9)
    assert abs(window.wait_s(1, now=0.9) - 1.2) < 1e-9

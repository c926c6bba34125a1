"""Hand-made fakes that the tests share."""

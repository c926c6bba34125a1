"""For all tests: no example of a property has a deadline. How long one takes is the machine's business."""

from hypothesis import settings

settings.register_profile("bulksend", deadline=None)
settings.load_profile("bulksend")

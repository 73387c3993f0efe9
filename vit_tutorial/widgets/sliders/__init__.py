"""Sliders over pictures: the settings, how they are drawn, all of them for a page, one by one for a notebook, and the call."""

"""The scene segmenter: scenes of digits (scene), what is shown (state), the still picture, the page's element, the notebook's widget, the call."""

"""The attention explorer: what it shows (state), its still picture, the page's element, the notebook's widget, and the call."""

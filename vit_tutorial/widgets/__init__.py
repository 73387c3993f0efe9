"""The figures that stay alive: their engine, and the export of models to it."""

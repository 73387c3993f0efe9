"""The book's pages and what builds them: a small Sphinx extension, the notebooks' set-up cell, the outline."""

"""Losses: ``classification`` for a class an image, ``segmentation`` for a class a pixel, ``imbalance`` for classes of unequal number."""

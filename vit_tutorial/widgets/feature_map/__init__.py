"""Features of several encoders as maps of the same images, with each image's nearest neighbours (`embedding_map`)."""

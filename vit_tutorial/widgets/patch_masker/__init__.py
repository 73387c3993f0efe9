"""The patch masker: hide patches of an image and see what a masked autoencoder paints in their places (`mask_patches`)."""

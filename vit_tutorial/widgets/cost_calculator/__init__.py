"""The cost calculator: a model, a batch and a device, and what a training step takes in memory and time (`calculate_cost`)."""

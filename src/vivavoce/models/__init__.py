"""The model store, and the stacks of engines behind the public model names."""

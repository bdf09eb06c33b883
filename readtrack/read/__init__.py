"""READ: the network, its input, its losses, its weights on disk, and the matcher in front of them."""

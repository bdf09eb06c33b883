"""How READ learns: recipes, batches, losses of a batch, several processes, and what is written down on the way."""

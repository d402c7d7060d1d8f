"""The views of the Rank page: one module each, drawn beside the one matrix they all look at."""

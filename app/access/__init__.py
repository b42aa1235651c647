"""Who asks, what they may do, and which tier of figures answers them."""

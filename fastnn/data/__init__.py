"""The user's X and y, as engines take them."""

"""The user's X and y in the form that engines read."""

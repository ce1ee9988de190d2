"""The pages, each a recipe: read the state, draw the controls, call, draw."""

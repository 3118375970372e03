"""Browser assets: what is taken from npm packages and what they become."""

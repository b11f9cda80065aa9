"""The scoring server, the only platform code in an image: imports nothing of the rest of this package."""

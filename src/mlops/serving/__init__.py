"""The scoring server, the only engine code in an image: it imports nothing of the rest of the engine."""

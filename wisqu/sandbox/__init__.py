"""A faithful OpenRouter of our own on loopback, for development without a key and for the tests."""

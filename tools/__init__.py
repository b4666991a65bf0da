"""What stands behind `make`: only the standard library, since nothing is installed yet when it starts."""

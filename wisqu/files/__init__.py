"""Files of people: where they are kept, and how their owners get them."""

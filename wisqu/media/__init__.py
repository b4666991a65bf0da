"""What is done with the bytes of strangers' files: free of Django, and mostly run in `worker`'s processes."""

def watch() -> None:
    pass

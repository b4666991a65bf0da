"""How the product tells of itself: counters, traces, crashes. Below everything else, free of Django."""

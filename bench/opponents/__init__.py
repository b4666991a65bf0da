"""What the product is measured beside: each a small server that passes an answer on and does nothing else."""

"""What every store promises, run over each of them."""

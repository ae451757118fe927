"""Where foreign code runs. The only home of the modal SDK in this spoke."""

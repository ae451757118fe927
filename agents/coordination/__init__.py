"""Ways in which a group of agents works together: pure deciders, one file each."""

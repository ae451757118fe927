"""The nouns of Postern: frozen values without I/O, imported by everything else."""

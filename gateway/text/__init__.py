"""Pure functions over text: what may be stored, and Markdown made fit for a platform."""

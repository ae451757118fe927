"""Who may talk, and how much in a minute: asked by the inbox before anything is stored."""

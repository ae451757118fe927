"""Language models behind one small protocol: offline, scripted, OpenAI-compatible."""

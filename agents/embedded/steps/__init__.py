"""The step loop: context, model call, parse, tool execution, feedback, until the turn ends."""

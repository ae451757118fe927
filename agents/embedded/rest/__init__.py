"""The REST layer: one router per resource, thin: parse, call a service, shape the answer."""

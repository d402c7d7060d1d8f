"""One reader per model format; every one answers the same verbs."""

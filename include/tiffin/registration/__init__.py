"""From a model file on somebody's disk to a registered version that can be released."""

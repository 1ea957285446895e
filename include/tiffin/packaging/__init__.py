"""From a validated artifact to a bento: a pure function of the model, the code and the lock."""

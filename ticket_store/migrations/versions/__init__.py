"""One file a revision, in order; released ones are never changed."""

"""The portal: messages, what becomes of them, and the whole connector against a fake."""

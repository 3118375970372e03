"""The 12345 platform: payloads, what becomes of them, and the whole connector against a fake."""

"""Kafka as the broker: how it is reached, and the topics that are made ahead of the processors."""

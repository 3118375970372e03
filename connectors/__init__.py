"""How each peer speaks; knows nothing of Kafka or SQL."""

"""The hub with simulated peers and a day of tickets."""

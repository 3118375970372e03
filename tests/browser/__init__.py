"""The console in Chromium, on a whole hub with simulated peers; screenshots go to artefacts/."""

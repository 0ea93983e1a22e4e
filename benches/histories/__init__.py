"""The parts of `campaign.py`: a world, the acts of a history in it, and the checks of what happened."""

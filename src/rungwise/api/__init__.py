"""What a user calls: tune, resume, retrain, simulate, and the experiments they leave behind."""

"""What single providers need beyond their dialect."""

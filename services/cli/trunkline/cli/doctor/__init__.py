"""What is wrong with a platform, or soon will be, and what to do about it."""

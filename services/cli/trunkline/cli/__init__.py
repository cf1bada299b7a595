"""The command `trunkline`, and the test caller behind `trunkline call place`."""

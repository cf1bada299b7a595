"""The laboratory: the supervisor of one machine, simulated carriers, the demonstration tenant, and the SIP messages of test equipment."""

"""SIP messages for test equipment: the simulated carriers and the test caller. Plain; the platform's own parser is in Rust."""

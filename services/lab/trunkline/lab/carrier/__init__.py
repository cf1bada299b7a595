"""A simulated carrier: a UAS over UDP that behaves by the called number's last three digits."""

"""One machine: starts every process of the platform, restarts what dies, ends all of it together.

`layout` says where things are, `plan` what runs and with which settings, `process` keeps one process alive, `platform` all of them,
`control` is the socket for `trunkline lab`, `local` the file that tells everything to scripts.
"""

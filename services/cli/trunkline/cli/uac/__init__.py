"""A small user agent client that keeps to the client's rules of RFC 3261, RFC 7616 and RFC 8760: what a customer's PBX is, for trying."""

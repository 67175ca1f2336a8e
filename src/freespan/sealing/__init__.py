"""What only the host of an invite can read, whoever carries it, and the answers that only its sender can read.

hpke       seals to the host's public key, and opens (RFC 9180)
replies    seals the answer with a key that stood inside
"""

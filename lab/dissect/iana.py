"""Names of the numbers in STUN, TLS and DTLS, from the IANA registries; several are abbreviated. Pure."""

from __future__ import annotations

STUN_ATTRIBUTES = {
    0x0001: "MAPPED-ADDRESS",
    0x0006: "USERNAME",
    0x0008: "MESSAGE-INTEGRITY",
    0x0009: "ERROR-CODE",
    0x000C: "CHANNEL-NUMBER",
    0x000D: "LIFETIME",
    0x0012: "XOR-PEER-ADDRESS",
    0x0013: "DATA",
    0x0014: "REALM",
    0x0015: "NONCE",
    0x0016: "XOR-RELAYED-ADDRESS",
    0x0019: "REQUESTED-TRANSPORT",
    0x0020: "XOR-MAPPED-ADDRESS",
    0x0024: "PRIORITY",
    0x0025: "USE-CANDIDATE",
    0x8022: "SOFTWARE",
    0x8028: "FINGERPRINT",
    0x8029: "ICE-CONTROLLED",
    0x802A: "ICE-CONTROLLING",
    0xC057: "GOOG-NETWORK-INFO",
    0xC059: "GOOG-MISC-INFO",
}
VERSIONS = {0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
CIPHERS = {
    0x1301: "AES_128_GCM",
    0x1302: "AES_256_GCM",
    0x1303: "CHACHA20_POLY1305",
    0xC009: "ECDHE_ECDSA_AES_128_CBC_SHA",
    0xC00A: "ECDHE_ECDSA_AES_256_CBC_SHA",
    0xC013: "ECDHE_RSA_AES_128_CBC_SHA",
    0xC014: "ECDHE_RSA_AES_256_CBC_SHA",
    0xC02B: "ECDHE_ECDSA_AES_128_GCM",
    0xC02C: "ECDHE_ECDSA_AES_256_GCM",
    0xC02F: "ECDHE_RSA_AES_128_GCM",
    0xC030: "ECDHE_RSA_AES_256_GCM",
    0xCCA8: "ECDHE_RSA_CHACHA20",
    0xCCA9: "ECDHE_ECDSA_CHACHA20",
    0xC023: "ECDHE_ECDSA_AES_128_CBC_SHA256",
    0xC024: "ECDHE_ECDSA_AES_256_CBC_SHA384",
    0xC027: "ECDHE_RSA_AES_128_CBC_SHA256",
    0xC028: "ECDHE_RSA_AES_256_CBC_SHA384",
    0x0067: "DHE_RSA_AES_128_CBC_SHA256",
    0x006B: "DHE_RSA_AES_256_CBC_SHA256",
    0x009E: "DHE_RSA_AES_128_GCM",
    0x009F: "DHE_RSA_AES_256_GCM",
    0x00FF: "EMPTY_RENEGOTIATION_INFO",
    0x009C: "RSA_AES_128_GCM",
    0x009D: "RSA_AES_256_GCM",
    0x002F: "RSA_AES_128_CBC_SHA",
    0x0035: "RSA_AES_256_CBC_SHA",
}
EXTENSIONS = {
    0: "server_name",
    5: "status_request",
    10: "supported_groups",
    11: "ec_point_formats",
    13: "signature_algorithms",
    14: "use_srtp",
    16: "alpn",
    18: "signed_certificate_timestamp",
    21: "padding",
    22: "encrypt_then_mac",
    23: "extended_master_secret",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    42: "early_data",
    43: "supported_versions",
    44: "cookie",
    45: "psk_key_exchange_modes",
    50: "signature_algorithms_cert",
    51: "key_share",
    17613: "application_settings",
    51764: "trust_anchors",
    65037: "encrypted_client_hello",
    65281: "renegotiation_info",
}
GROUPS = {23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448", 256: "ffdhe2048", 4588: "X25519MLKEM768"}


def name_of(registry: dict[int, str], number: int) -> str:
    """Return the name of a number, or the number in hexadecimal if it is unknown."""
    if number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF and number not in registry:
        return "GREASE"  # RFC 8701: a reserved number, chosen at random
    return registry.get(number, f"0x{number:04x}")

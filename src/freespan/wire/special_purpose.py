"""Which networks are on the open internet, by the special-purpose registries of IANA (RFC 6890).

The longest network that holds an address decides. `no`: it is not on the open internet. `yes`: it is. `ipv4`: the last
32 bits are an IPv4 address, to which a translator on the way leads, and that address decides.

The registry calls a few addresses in 192.0.0.0/24 and 2001::/23 globally reachable: the nearest server of a kind
answers there, which may be the router at home, or they name something other than a place. No end and no site is there,
so both networks are closed as a whole.

bridge/special-purpose.js is a copy, and tests/vectors/addresses.json has the registries themselves.
"""

SPECIAL_PURPOSE = """
0.0.0.0/0 yes
0.0.0.0/8 no
10.0.0.0/8 no
100.64.0.0/10 no
127.0.0.0/8 no
168.63.129.16/32 no
169.254.0.0/16 no
172.16.0.0/12 no
192.0.0.0/24 no
192.0.2.0/24 no
192.88.99.0/24 no
192.168.0.0/16 no
198.18.0.0/15 no
198.51.100.0/24 no
203.0.113.0/24 no
224.0.0.0/3 no
::/0 no
::ffff:0:0/96 ipv4
64:ff9b::/96 ipv4
2000::/3 yes
2001::/23 no
2001:db8::/32 no
2002::/16 no
3fff::/20 no
"""
"""168.63.129.16 is Azure's metadata service; those of other clouds are link-local or private."""

"""Which networks are on the open internet, by the special-purpose registries of IANA (RFC 6890).

The longest network that holds an address decides. `no`: it is not on the open internet. `yes`: it is. `ipv4`: the last
32 bits are an IPv4 address, to which a translator on the way leads, and that address decides.

The registry calls a few addresses in 192.0.0.0/24 and 2001::/23 globally reachable: the nearest server of a kind
answers there, which may be the router at home, or they name something other than a place. No end and no site is there,
so both networks are closed as a whole.

bridge/special-purpose.js is a copy, and tests/vectors/addresses.json has the registries themselves.

The metadata services of clouds, which give their secrets to whoever asks from a machine of theirs, have tables of their
own: an egress connects to none of them, even where it may connect to private addresses.
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

METADATA_NETWORKS = """
169.254.169.254/32 most clouds, the ten largest but for Tencent and Alibaba
169.254.169.253/32 Amazon
169.254.170.0/24 Amazon
fd00:ec2::/32 Amazon
168.63.129.16/32 Microsoft
fd20:ce::254/128 Google
100.100.100.200/32 Alibaba
fd00:100::100:200/128 Alibaba
192.0.0.192/32 Oracle
fd00:c1::a9fe:a9fe/128 Oracle
169.254.0.23/32 Tencent
169.254.10.10/32 Tencent
fe80::a9fe:a9fe/128 Huawei, OVH and others with OpenStack
fd00:a9fe:a9fe::1/128 Akamai
169.254.42.42/32 Scaleway
fd00:42::42/128 Scaleway
"""
"""IBM and DigitalOcean have the address of most clouds, too."""

METADATA_NAMES = """
metadata Google
metadata.google.internal Google
metadata.goog Google
instance-data Amazon
instance-data.ec2.internal Amazon
metadata.azure.internal Microsoft
metadata.azure.com Microsoft
metadata.oraclecloud.com Oracle
metadata.tencentyun.com Tencent
api.metadata.cloud.ibm.com IBM
metadata.digitalocean.com DigitalOcean
"""
"""Names under which the machines of a cloud find its metadata service, or might come to find it."""

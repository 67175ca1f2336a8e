// Which networks are on the open internet. A copy of the table in wire/special_purpose.py, which explains it.

export const SPECIAL_PURPOSE =
  "0.0.0.0/0 yes,0.0.0.0/8 no,10.0.0.0/8 no,100.64.0.0/10 no,127.0.0.0/8 no,168.63.129.16/32 no,169.254.0.0/16 no," +
  "172.16.0.0/12 no,192.0.0.0/24 no,192.0.2.0/24 no,192.88.99.0/24 no,192.168.0.0/16 no,198.18.0.0/15 no," +
  "198.51.100.0/24 no,203.0.113.0/24 no,224.0.0.0/3 no,::/0 no,::ffff:0:0/96 ipv4,64:ff9b::/96 ipv4,2000::/3 yes," +
  "2001::/23 no,2001:db8::/32 no,2002::/16 no,3fff::/20 no";

// Which addresses are on the open internet. The twin of wire/addresses.py. Pure.

const OWN_IPV4 =
  /^(0|10|127|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254|172\.(1[6-9]|2\d|3[01])|192\.(168|0\.[02]|88\.99)|198\.(1[89]|51\.100)|203\.0\.113|2(2[4-9]|[345]\d))\./;
const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?=\d)|$)){4}$/;
const PUBLIC_IPV6 = /^(?!2001:(0?db8|[01]?[\da-f]{0,2}):|2002:|3fff:[\da-f]{0,3}:)[23][\da-f]{3}:[\da-f:.]*$/i;
/** The one address of a cloud's metadata service that looks public (Azure's). */
const METADATA = "168.63.129.16";

/** The IP version of a public address, else undefined. @param {string} address */
export function versionOf(address) {
  if (IPV4.test(address)) return OWN_IPV4.test(address) ? undefined : "ipv4";
  try {
    return PUBLIC_IPV6.test(address) && new URL(`//[${address}]`, "https://HOST") ? "ipv6" : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} address */
export function isPublic(address) {
  return address !== METADATA && versionOf(address) !== undefined;
}

/**
 * Whether a host, as it stands in URLs, is this machine, a name of the local link (RFC 6762), or an address that is not
 * public.
 * @param {string} host
 */
export function isPrivateHost(host) {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (/^\[|^[\d.]+$/.test(name)) return !isPublic(name.replace(/[[\]]/g, ""));
  return name === "localhost" || /\.local(host)?$/.test(name);
}

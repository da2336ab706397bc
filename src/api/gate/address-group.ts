/**
 * The part of an address that tells one client from another. A client with one IPv6 address usually has the whole /64
 * network, so all addresses of such a network count as one.
 */

const MAPPED_IPV4 = /^::ffff:(?=[0-9.]+$)/i
const GROUPS = 8
const NETWORK_GROUPS = 4

/** `address` is one that Node.js shows. Any other text is returned as it is. */
export function addressGroup(address: string): string {
  const plain = address.replace(MAPPED_IPV4, '')
  if (!plain.includes(':')) return plain
  const [withoutZone = ''] = plain.split('%', 1)
  const [head = '', tail] = withoutZone.split('::', 2)
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array<string>(Math.max(0, GROUPS - first.length - last.length)).fill('0')
  const groups = tail === undefined ? first : [...first, ...zeros, ...last]
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`
}

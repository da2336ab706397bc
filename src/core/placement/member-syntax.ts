/** The syntax of a member: its id, its zone, and the address of its peer port in canonical form. */

/** The zone of members without a named zone. */
export const DEFAULT_ZONE = 'default'

/** The rule of `isName`, in words. */
export const NAME_RULE = '1 to 32 characters of a-z, 0-9 and -'

export const NAME_PATTERN = /^[a-z0-9-]{1,32}$/

/** Whether the text can be a node id or a zone name. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text)
}

/**
 * Returns `http://host:port`, with the port written out even if it is the default one. Undefined for any other text.
 */
export function peerUrlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const { protocol, pathname, search, hash, username, password, hostname, port } = url
  const isBare = pathname === '/' && `${search}${hash}${username}${password}` === ''
  // Equal addresses must be equal texts, so the port is always included.
  return protocol === 'http:' && isBare ? `http://${hostname}:${port || '80'}` : undefined
}

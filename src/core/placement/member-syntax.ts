/** How a member is written: ids and zones, and the address of its peer port in the one form in which it is kept. */

/** The zone of members of which none is named. */
export const DEFAULT_ZONE = 'default'

/** What `isName` takes, in words. */
export const NAME_RULE = '1 to 32 characters of a-z, 0-9 and -'

const NAME = /^[a-z0-9-]{1,32}$/

/** Whether the text can be the id of a node, or the name of a zone. */
export function isName(text: string): boolean {
  return NAME.test(text)
}

/** `http://host:port` and nothing more, the port written out even where it is the protocol's own; else undefined. */
export function peerUrlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const { protocol, pathname, search, hash, username, password, hostname, port } = url
  const isBare = pathname === '/' && `${search}${hash}${username}${password}` === ''
  // Equal addresses are equal texts.
  return protocol === 'http:' && isBare ? `http://${hostname}:${port || '80'}` : undefined
}

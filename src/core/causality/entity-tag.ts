/**
 * The entity tag of a value is a hash of its siblings' dots. A dot names one write for ever, so equal tags mean equal
 * siblings, and the values need not be hashed.
 */
import type { Dot } from './dot.ts'
import { hashText } from '../hash/text-hash.ts'

/** The tag in quotes, as in the header: 64 bits of hash. `dots` are in their order. */
export function entityTag(dots: readonly Dot[]): string {
  let text = ''
  for (const dot of dots) text += `${dot.actor}@${dot.timestamp};`
  return `"${hex(hashText(text, 0))}${hex(hashText(text, 1))}"`
}

function hex(hash: number): string {
  return hash.toString(16).padStart(8, '0')
}

/** Whether an If-None-Match header names `tag`, by the weak comparison of RFC 9110 section 13.1.2. */
export function namesTag(header: string, tag: string): boolean {
  if (header.trim() === '*') return true
  return listedTags(header)?.some((listed) => listed.replace(/^W\//, '') === tag) ?? false
}

/** Bound of the tags in one header. */
export const TAGS_MAX = 16

/** The tags in an If-Match or If-None-Match header, for the strong comparison; undefined for a malformed header. */
export function parseTags(header: string): readonly string[] | '*' | undefined {
  if (header.trim() === '*') return '*'
  const tags = listedTags(header)
  return tags !== undefined && tags.length > 0 && tags.length <= TAGS_MAX ? tags : undefined
}

/** One element of the list, which may be empty (RFC 9110, section 5.6.1), with the comma after it. */
const ELEMENT = /[ \t]*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y

/** Undefined if the header is not a list of tags. A comma may also be part of a tag. */
function listedTags(header: string): string[] | undefined {
  const tags: string[] = []
  ELEMENT.lastIndex = 0
  while (ELEMENT.lastIndex < header.length) {
    const found = ELEMENT.exec(header)
    if (found === null) return undefined
    if (found[1] !== undefined) tags.push(found[1])
  }
  return tags
}

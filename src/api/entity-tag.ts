/**
 * Entity tags of values: a hash of the siblings' dots. A dot names one write for ever, so equal tags mean the
 * same siblings; the values themselves need not be hashed.
 */
import type { Dot } from '../core/causality/dot.ts'
import { hashText } from '../core/hash/text-hash.ts'

/** Quoted, as it stands in the header; 64 bits of hash. `dots` are in their order. */
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
  return header.split(',').some((part) => {
    const listed = part.trim()
    return listed === '*' || listed === tag || (listed.startsWith('W/') && listed.slice(2) === tag)
  })
}
